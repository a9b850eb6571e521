// The accurate integer inverse DCT of libjpeg ("islow") as two integer matrix products.
#pragma once

#include <array>
#include <cstdint>

#include "frame_header.hpp"

namespace lungcls::jpeg_sparse {

// One pass of jidctint.c is linear between its two roundings: sample j before rounding is the sum
// of matrix[j][k] * coefficient k, in integers of 13 fractional bits.
using DctMatrix = std::array<std::array<std::int16_t, 8>, 8>;
DctMatrix makeDctMatrix();

// Pass 1 (columns) keeps 2 bits of the 13; pass 2 (rows) removes the rest and the factor of 8.
constexpr int kPass1Shift = 13 - 2;
constexpr int kPass2Shift = 13 + 2 + 3;

// libjpeg-turbo's vector code adds pairs of dequantised coefficients, and pairs of results of the
// first pass, in 16 bits. Below this bound no such sum wraps round, so all ways of computing it
// agree. No encoder's output comes near to it.
constexpr int kExactBound = 16383;

// The kernels want two coefficients of one column side by side (rows r and r + 4), and the columns
// of a row such that pairs of neighbours are multiplied by even or by odd rows of the matrix alone.
constexpr std::array<int, 8> kColumnOrder = {0, 4, 2, 6, 1, 5, 3, 7};

// T.81 figure A.6: position in the block of each coefficient in zigzag order.
constexpr std::array<std::uint8_t, kBlockSize> kZigzag = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// "Pair order", in which coefficients are held: the zigzag index of the coefficient at each place,
// [row & 3][column in kColumnOrder][row / 4].
constexpr std::array<std::uint8_t, kBlockSize> makePairOrder() {
  std::array<std::uint8_t, kBlockSize> order{};
  for (int zigzag = 0; zigzag < kBlockSize; ++zigzag) {
    const int row = kZigzag[zigzag] / 8;
    const int column = kZigzag[zigzag] % 8;
    int at = 0;
    while (kColumnOrder[at] != column) ++at;
    order[(row & 3) * 16 + at * 2 + row / 4] = static_cast<std::uint8_t>(zigzag);
  }
  return order;
}

// Quantisation steps and the largest coefficients within kExactBound, in pair order.
struct Dequantizer {
  alignas(64) std::array<std::int16_t, kBlockSize> steps;
  alignas(64) std::array<std::uint16_t, kBlockSize> limits;

  void set(const QuantSpec& quant);
};

}  // namespace lungcls::jpeg_sparse
