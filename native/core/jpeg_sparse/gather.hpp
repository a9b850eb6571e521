// Picking bytes out of a row by byte shuffles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lungcls::jpeg_sparse {

// Vectors may be read and written this far beyond the end of any row.
constexpr std::size_t kRowPadding = 128;

// to[i] = from[positions[i]]. Sixteen outputs come from a few windows of 16 consecutive bytes, each
// shuffled, the results united.
struct Gather {
  static constexpr int kGroup = 16;
  static constexpr int kMaxWindows = 6;  // 16 bytes each: all must lie within the padding

  std::vector<std::int32_t> positions;
  int windows = 0;  // per group; 0: too far apart, byte by byte
  std::vector<std::int32_t> bases;       // per group: the first window's first byte
  std::vector<std::uint8_t> shuffles;    // [group][window][16]; 0x80: not from this window
  bool identity = false;                 // positions are 0, 1, 2, ...
};

Gather makeGather(std::span<const std::int32_t> positions);

}  // namespace lungcls::jpeg_sparse
