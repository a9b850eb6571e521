// Weighted sums of two bytes of a row, for CPUs that shuffle 128 bytes at once (AVX-512 VBMI):
// picks the two bytes of each output and multiplies them with their weights in one go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lungcls::jpeg_sparse {

// For the horizontal resize. Thirty-two outputs come from one window of the row. They are made in
// two halves of 16, one output a 32-bit lane, ordered such that packing the halves puts them into
// their natural order.
struct WideMix {
  static constexpr std::size_t kGroup = 32;
  static constexpr std::size_t kHalf = kGroup / 2;
  static constexpr std::int32_t kWindow = 128;

  std::vector<std::int32_t> bases;     // per group: the window's first byte; empty: too far apart
  std::vector<std::uint8_t> shuffles;  // [group][half][lane][left, 0, right, 0]; zeros are not read
  std::vector<std::int16_t> weights;   // [group][half][lane][left, right]
};

// For chroma upsampling: likewise, but with the same small weights everywhere, so that 16-bit lanes
// suffice, in their natural order.
struct WidePairs {
  std::vector<std::int32_t> bases;
  std::vector<std::uint8_t> shuffles;  // [group][lane][first, second]
};

WideMix makeWideMix(std::span<const std::int32_t> left, std::span<const std::int32_t> right,
                    std::span<const std::int16_t> leftWeights,
                    std::span<const std::int16_t> rightWeights);

// to[i] = (row[left[i]] * leftWeights[i] + row[right[i]] * rightWeights[i]) >> shift. Only where
// hasWideGather() and bases is not empty; row and result may be read and written kRowPadding bytes
// beyond their end.
void mixColumnsWide(const WideMix& mix, const std::uint8_t* row, int shift, std::int16_t* to);

WidePairs makeWidePairs(std::span<const std::int32_t> first, std::span<const std::int32_t> second);

// to[i] = row[first[i]] * firstWeight + row[second[i]] * secondWeight, on the same conditions.
void mixPairsWide(const WidePairs& pairs, const std::uint8_t* row, int firstWeight,
                  int secondWeight, std::uint16_t* to);

}  // namespace lungcls::jpeg_sparse
