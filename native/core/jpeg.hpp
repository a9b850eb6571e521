// JPEG to RGB by libjpeg-turbo, with the settings of OpenCV's imread(IMREAD_COLOR), hence its
// pixels: accurate integer inverse DCT, fancy chroma upsampling, EXIF orientation applied, CMYK by
// OpenCV's formula.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "image.hpp"
#include "status.hpp"

namespace lungcls {

// Of the libjpeg-turbo that this was built with.
const char* libjpegTurboVersion();

// Whether `bytes` begin as every JPEG does (SOI and the first byte of the next marker).
bool looksLikeJpeg(std::span<const std::uint8_t> bytes);

// Decodes `bytes` into `image`; `spare` is working memory. With `filterFor`, the side of a square
// that the image shall shrink to, frequencies that do not fit there are damped
// (jpeg_sparse/dct_filter.hpp). The outcome is Ok, Damaged (libjpeg warned; the pixels are its best
// guess), Header, Unsupported, TooLarge, TooSlow or Corrupt. Without pixels `image` is unspecified.
// Throws std::bad_alloc.
Outcome decodeJpeg(std::span<const std::uint8_t> bytes, const ImageLimits& limits, Image& image,
                   Image& spare, std::optional<int> filterFor = std::nullopt);

}  // namespace lungcls
