#include "exif.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace lungcls {
namespace {

// Stands before the TIFF header (Exif 2.32, 4.7.2.2).
constexpr std::array<std::uint8_t, 6> kExifMagic{'E', 'x', 'i', 'f', 0, 0};
constexpr std::uint16_t kTiffMagic = 42;
constexpr std::uint16_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;

// Bounds-checked reads in the byte order of a TIFF header.
class TiffReader {
 public:
  TiffReader(std::span<const std::uint8_t> data, bool bigEndian) : data_(data), big_(bigEndian) {}

  [[nodiscard]] std::optional<std::uint16_t> u16(std::size_t at) const {
    if (at > data_.size() || data_.size() - at < 2) return std::nullopt;
    const unsigned a = data_[at];
    const unsigned b = data_[at + 1];
    return static_cast<std::uint16_t>(big_ ? (a << 8) | b : (b << 8) | a);
  }

  [[nodiscard]] std::optional<std::uint32_t> u32(std::size_t at) const {
    const auto first = u16(at);
    const auto second = u16(at + 2);
    if (!first || !second) return std::nullopt;
    const std::uint32_t high = big_ ? *first : *second;
    const std::uint32_t low = big_ ? *second : *first;
    return (high << 16) | low;
  }

 private:
  std::span<const std::uint8_t> data_;
  bool big_;
};

void copyPixel(std::uint8_t* to, const std::uint8_t* from) {
  to[0] = from[0];
  to[1] = from[1];
  to[2] = from[2];
}

}  // namespace

std::optional<int> exifOrientation(std::span<const std::uint8_t> app1) {
  const bool exif = app1.size() >= kExifMagic.size() &&
                    std::equal(kExifMagic.begin(), kExifMagic.end(), app1.begin());
  if (!exif) return std::nullopt;
  const auto tiff = app1.subspan(kExifMagic.size());
  if (tiff.size() < 2 || tiff[0] != tiff[1]) return std::nullopt;
  if (tiff[0] != 'I' && tiff[0] != 'M') return std::nullopt;
  const TiffReader reader(tiff, tiff[0] == 'M');
  if (reader.u16(2) != kTiffMagic) return std::nullopt;
  const auto directory = reader.u32(4);
  const auto entries = directory ? reader.u16(*directory) : std::nullopt;
  if (!entries) return std::nullopt;
  for (std::size_t i = 0; i < *entries; ++i) {
    const std::size_t entry = *directory + 2 + i * kEntryBytes;
    const auto tag = reader.u16(entry);
    if (!tag) return std::nullopt;
    if (*tag != kOrientationTag) continue;
    const auto value = reader.u16(entry + 8);
    if (!value) return std::nullopt;
    return *value >= 1 && *value <= 8 ? *value : 1;
  }
  return std::nullopt;
}

void applyOrientation(int orientation, Image& image, Image& spare) {
  if (orientation <= 1 || orientation > 8) return;
  const int width = image.width;
  const int height = image.height;
  const bool transposed = orientation >= 5;
  spare.width = transposed ? height : width;
  spare.height = transposed ? width : height;
  const std::uint8_t* from = image.pixels.data();
  std::uint8_t* to = spare.pixels.reserve(image.bytes());
  // Where the pixel of column x and row y of the upright image comes from (Exif 2.32, 4.6.4 A,
  // tag 274): mirrored columns, mirrored rows, then perhaps transposed.
  const bool mirrorX = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirrorY = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  for (int y = 0; y < spare.height; ++y) {
    for (int x = 0; x < spare.width; ++x) {
      int sourceX = transposed ? y : x;
      int sourceY = transposed ? x : y;
      if (mirrorX) sourceX = width - 1 - sourceX;
      if (mirrorY) sourceY = height - 1 - sourceY;
      copyPixel(to, from + (static_cast<std::size_t>(sourceY) * width + sourceX) * kChannels);
      to += kChannels;
    }
  }
  std::swap(image.width, spare.width);
  std::swap(image.height, spare.height);
  image.pixels.swap(spare.pixels);
}

}  // namespace lungcls
