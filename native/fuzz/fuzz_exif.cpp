// Any bytes as the APP1 segment of a JPEG, and an image turned the way that they say: the first two
// bytes are its size. Every pixel must come out once.
#include <cstdlib>
#include <vector>

#include "core/exif.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const int width = 1 + data[0] % 24;
  const int height = 1 + data[1] % 24;
  // An exact copy on the heap, so that the sanitizer sees any read beyond its end.
  const std::vector<std::uint8_t> app1(data + 2, data + size);
  const auto orientation = lungcls::exifOrientation(app1);
  if (!orientation) return 0;
  if (*orientation < 1 || *orientation > 8) std::abort();

  static lungcls::Image image;
  static lungcls::Image spare;
  image.width = width;
  image.height = height;
  std::uint8_t* pixel = image.pixels.reserve(image.bytes());
  for (int i = 0; i < width * height; ++i) {
    *pixel++ = static_cast<std::uint8_t>(i);
    *pixel++ = static_cast<std::uint8_t>(i >> 8);
    *pixel++ = 0xA5;
  }
  lungcls::applyOrientation(*orientation, image, spare);
  const bool turned = *orientation >= 5;
  if (image.width != (turned ? height : width)) std::abort();
  if (image.height != (turned ? width : height)) std::abort();
  std::vector<bool> seen(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (std::size_t i = 0; i < image.bytes(); i += lungcls::kChannels) {
    const std::uint8_t* at = image.pixels.data() + i;
    const std::size_t index = at[0] | (static_cast<std::size_t>(at[1]) << 8);
    if (at[2] != 0xA5 || index >= seen.size() || seen[index]) std::abort();
    seen[index] = true;
  }
  return 0;
}
