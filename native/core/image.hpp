// Decoded pixels, 8-bit RGB, rows without gaps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host_buffer.hpp"

namespace lungcls {

constexpr int kChannels = 3;

// Bounds for what an image may be; checked from its header, before anything is allocated.
struct ImageLimits {
  std::uint64_t maxPixels = 100'000'000;
  std::uint64_t maxFileBytes = 256ULL << 20;
};

struct Image {
  ScratchBuffer pixels;
  int width = 0;
  int height = 0;

  [[nodiscard]] std::size_t rowBytes() const { return static_cast<std::size_t>(width) * kChannels; }
  [[nodiscard]] std::size_t bytes() const { return rowBytes() * static_cast<std::size_t>(height); }
};

}  // namespace lungcls
