#include "core/exif.hpp"

#include <array>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "samples.hpp"

using lungcls::applyOrientation;
using lungcls::exifOrientation;
using lungcls::Image;

namespace {

// An APP1 payload whose only directory entry is the orientation.
std::vector<std::uint8_t> app1(int orientation, bool bigEndian) {
  const auto value = static_cast<std::uint8_t>(orientation);
  if (bigEndian) {
    return {'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42,    0, 0, 0, 8, 0, 1,
            1,   0x12, 0,   3,   0, 0, 0,   1,   0, value, 0, 0, 0, 0, 0, 0};
  }
  return {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42,    0, 8, 0, 0, 0, 1, 0,
          0x12, 1,   3,   0,   1, 0, 0,   0,   value, 0, 0, 0, 0, 0, 0, 0};
}

void fill(Image& image, int width, int height, const std::vector<std::uint8_t>& reds) {
  image.width = width;
  image.height = height;
  std::uint8_t* out = image.pixels.reserve(image.bytes());
  for (const auto red : reds) {
    *out++ = red;
    *out++ = 0;
    *out++ = 255;
  }
}

std::vector<std::uint8_t> redsOf(const Image& image) {
  std::vector<std::uint8_t> reds;
  for (std::size_t i = 0; i < image.bytes(); i += lungcls::kChannels) {
    reds.push_back(image.pixels.data()[i]);
  }
  return reds;
}

}  // namespace

TEST("exif: orientations are read in both byte orders") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CHECK(exifOrientation(app1(orientation, false)) == orientation);
    CHECK(exifOrientation(app1(orientation, true)) == orientation);
  }
  CHECK(exifOrientation(app1(0, false)) == 1);
  CHECK(exifOrientation(app1(9, true)) == 1);
}

TEST("exif: data that is cut or garbled means upright, and is never read beyond its end") {
  for (const bool bigEndian : {false, true}) {
    const auto whole = app1(6, bigEndian);
    auto other = whole;
    other[0] = 'X';
    CHECK(!exifOrientation(other));
    // The value ends at byte 26; what follows is padding.
    for (std::size_t length = 0; length < 24; ++length) {
      const std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<long>(length));
      CHECK(!exifOrientation(cut));
    }
    lungcls::test::Noise source(5);
    for (int i = 0; i < 20000; ++i) {
      auto garbled = whole;
      for (int k = 0; k < 3; ++k) {
        garbled[6 + source.below(static_cast<std::uint32_t>(garbled.size()) - 6)] = source.byte();
      }
      const auto got = exifOrientation(garbled);
      CHECK(!got || (*got >= 1 && *got <= 8));
    }
  }
}

TEST("exif: every orientation is turned upright") {
  // Rows 1 2 3 / 4 5 6, as Exif 2.32 describes each orientation.
  const std::array<std::vector<std::uint8_t>, 9> expected{{{},
                                                           {1, 2, 3, 4, 5, 6},
                                                           {3, 2, 1, 6, 5, 4},
                                                           {6, 5, 4, 3, 2, 1},
                                                           {4, 5, 6, 1, 2, 3},
                                                           {1, 4, 2, 5, 3, 6},
                                                           {4, 1, 5, 2, 6, 3},
                                                           {6, 3, 5, 2, 4, 1},
                                                           {3, 6, 2, 5, 1, 4}}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Image image;
    Image spare;
    fill(image, 3, 2, {1, 2, 3, 4, 5, 6});
    applyOrientation(orientation, image, spare);
    CHECK(redsOf(image) == expected[static_cast<std::size_t>(orientation)]);
    CHECK(image.width == (orientation >= 5 ? 2 : 3));
  }
}
