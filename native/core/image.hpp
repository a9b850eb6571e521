// Decoded pixels, 8-bit RGB, rows without gaps.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "host_buffer.hpp"

namespace lungcls {

constexpr int kChannels = 3;

// Bounds for what an image may be and cost. The defaults are those of LIMITS in src/config.ts.
struct ImageLimits {
  // Checked from the header, before anything is allocated.
  std::uint64_t maxPixels = 100'000'000;
  std::uint64_t maxFileBytes = 256ULL << 20;
  // Bytes that decoding may take, beside the file's own.
  std::uint64_t maxMemory = 1536ULL << 20;
  // Time that decoding may take; looked at between rows of blocks, and between scans.
  std::chrono::milliseconds maxTime{60'000};
};

struct Image {
  ScratchBuffer pixels;
  int width = 0;
  int height = 0;

  [[nodiscard]] std::size_t rowBytes() const { return static_cast<std::size_t>(width) * kChannels; }
  [[nodiscard]] std::size_t bytes() const { return rowBytes() * static_cast<std::size_t>(height); }
};

}  // namespace lungcls
