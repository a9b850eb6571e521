// The ways in which an image becomes a tile: what they have in common, and where they meet. Their
// pixels are compared with OpenCV's and djpeg's in test/parity.
#include <algorithm>
#include <array>
#include <vector>

#include "check.hpp"
#include "core/jpeg.hpp"
#include "core/tile.hpp"
#include "samples.hpp"

using lungcls::Image;
using lungcls::ImageLimits;
using lungcls::Outcome;
using lungcls::ResizeMode;
using lungcls::Status;
using lungcls::tileBytes;
using lungcls::TileOptions;
using lungcls::Workspace;
using lungcls::test::JpegOptions;
using lungcls::test::sampleJpeg;
using lungcls::test::TemporaryFile;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array kModes{ResizeMode::Cv2, ResizeMode::Area, ResizeMode::Fast};

// The way the product goes.
Status make(const Bytes& jpeg, int size, ResizeMode mode, bool keepDamaged, Bytes& tile) {
  static lungcls::ThreadWorkspace workspace;
  TileOptions chosen;
  chosen.size = size;
  chosen.resize = mode;
  chosen.keepDamaged = keepDamaged;
  const TemporaryFile stored(jpeg);
  const lungcls::ImageSource source{stored.path(), {}};
  Outcome outcome;
  tile.assign(tileBytes(size), 0xA5);
  lungcls::tilesFromSources({&source, 1}, chosen, workspace, tile.data(), {&outcome, 1});
  return outcome.status;
}

bool black(const Bytes& tile) {
  return std::all_of(tile.begin(), tile.end(), [](auto value) { return value == 0; });
}

}  // namespace

TEST("resize modes: a JPEG cut at any byte has the same status in each, and no stale pixels") {
  for (const bool progressive : {false, true}) {
    const Bytes jpeg = sampleJpeg(60, 50, JpegOptions{80, progressive, 0, true});
    for (std::size_t length = 3; length < jpeg.size(); length += 5) {
      const Bytes cut(jpeg.begin(), jpeg.begin() + static_cast<long>(length));
      Bytes tile;
      const Status expected = make(cut, 16, ResizeMode::Cv2, false, tile);
      CHECK(expected != Status::Ok);
      for (const ResizeMode mode : kModes) {
        CHECK(make(cut, 16, mode, false, tile) == expected);
        CHECK(black(tile));
        CHECK(make(cut, 16, mode, true, tile) == expected);
        CHECK(expected == Status::Damaged || black(tile));
      }
    }
  }
}

TEST("resize modes: fast is cv2 where more than half of the size is wanted") {
  for (const int size : {31, 40, 60, 90}) {
    for (const bool progressive : {false, true}) {
      const Bytes jpeg = sampleJpeg(60, 60, JpegOptions{80, progressive, 0, true});
      Bytes exact;
      Bytes fast;
      CHECK(make(jpeg, size, ResizeMode::Cv2, false, exact) == Status::Ok);
      CHECK(make(jpeg, size, ResizeMode::Fast, false, fast) == Status::Ok);
      CHECK(exact == fast);
    }
  }
}

TEST("resize modes: each gives pixels of its own where the image shrinks") {
  const Bytes jpeg = sampleJpeg(96, 96);
  std::array<Bytes, kModes.size()> tiles;
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    CHECK(make(jpeg, 32, kModes[i], false, tiles[i]) == Status::Ok);
  }
  CHECK(tiles[0] != tiles[1]);
  CHECK(tiles[0] != tiles[2]);
  CHECK(tiles[1] != tiles[2]);
}

TEST("resize modes: the smallest scale that leaves both sides long enough is chosen") {
  struct Case {
    int width, height, least, expectedWidth, expectedHeight;
  };
  // Rounded up, as jpeg_calc_output_dimensions does.
  constexpr Case kCases[] = {{100, 80, 10, 13, 10}, {100, 80, 11, 25, 20},  {100, 80, 20, 25, 20},
                             {100, 80, 21, 38, 30}, {100, 80, 40, 50, 40},  {100, 80, 41, 100, 80},
                             {100, 8, 1, 13, 1},    {100, 8, 2, 25, 2},     {1, 1, 1, 1, 1},
                             {17, 17, 3, 3, 3},     {100, 80, 999, 100, 80}};
  for (const Case& sizes : kCases) {
    const Bytes jpeg = sampleJpeg(sizes.width, sizes.height);
    Image image;
    Image spare;
    CHECK(lungcls::decodeJpeg(jpeg, ImageLimits{}, image, spare, sizes.least).ok());
    CHECK(image.width == sizes.expectedWidth);
    CHECK(image.height == sizes.expectedHeight);
  }
}
