// The one EXIF field that changes pixels.
#pragma once

#include <cstdint>
#include <span>

#include "image.hpp"

namespace lungcls {

// The orientation tag (1 to 8) in the payload of an APP1 marker, as OpenCV's imread reads it; 1
// where there is none or the data makes no sense.
int exifOrientation(std::span<const std::uint8_t> app1);

// Turns `image` upright, using `spare` as working memory.
void applyOrientation(int orientation, Image& image, Image& spare);

}  // namespace lungcls
