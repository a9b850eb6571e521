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
  int windows = 0;                     // per group; 0: too far apart, byte by byte
  std::vector<std::int32_t> bases;     // per group: the first window's first byte
  std::vector<std::uint8_t> shuffles;  // [group][window][16]; 0x80: not from this window

  // The same for CPUs that shuffle 128 bytes at once: 64 outputs from one window. Empty if they are
  // too far apart.
  static constexpr int kWideGroup = 64;
  static constexpr int kWideWindow = 128;
  std::vector<std::int32_t> wideBases;
  std::vector<std::uint8_t> wideShuffles;  // [group][64]
};

Gather makeGather(std::span<const std::int32_t> positions);

// With AVX-512 VBMI; only where wideBases is not empty.
bool hasWideGather();
void gatherWide(const Gather& gather, const std::uint8_t* from, std::uint8_t* to);

}  // namespace lungcls::jpeg_sparse
