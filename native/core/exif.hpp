// The one EXIF field that changes pixels.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "image.hpp"

namespace lungcls {

// The orientation (1 to 8) in the payload of an APP1 marker, as OpenCV 5's imread reads it; nothing
// where that is not EXIF data, or names no orientation. An orientation out of range means
// upright, 1.
std::optional<int> exifOrientation(std::span<const std::uint8_t> app1);

// Turns `image` upright, using `spare` as working memory.
void applyOrientation(int orientation, Image& image, Image& spare);

}  // namespace lungcls
