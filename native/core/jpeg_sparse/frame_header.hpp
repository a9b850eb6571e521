// What the markers before the entropy-coded data say: sizes, components, tables, restart interval.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sparse_result.hpp"

namespace lungcls::jpeg_sparse {

constexpr int kMaxComponents = 3;
constexpr int kBlockSize = 64;  // coefficients

// A Huffman table as it stands in the file (DHT, T.81 B.2.4.2).
struct HuffmanSpec {
  std::array<std::uint8_t, 16> counts{};  // codes of 1 to 16 bits
  std::array<std::uint8_t, 256> symbols{};
  int symbolCount = 0;  // 0: not defined
};

struct QuantSpec {
  std::array<std::uint16_t, kBlockSize> steps{};  // in zigzag order
  bool defined = false;
};

struct ComponentSpec {
  int id = 0;
  int h = 1;  // sampling factors
  int v = 1;
  int quant = 0;  // indices of its tables
  int dc = 0;
  int ac = 0;
};

struct FrameHeader {
  int width = 0;
  int height = 0;
  int componentCount = 0;
  std::array<ComponentSpec, kMaxComponents> components{};
  std::array<QuantSpec, 4> quants{};
  std::array<HuffmanSpec, 4> dcTables{};
  std::array<HuffmanSpec, 4> acTables{};
  int restartInterval = 0;    // MCUs; 0: none
  std::size_t scanBegin = 0;  // where the entropy-coded bytes begin
};

// Filters the quantisation tables (see dct_filter.hpp) for a result of that size. A table that
// several components use is filtered for the first of them.
void filterTables(FrameHeader& header, int outWidth, int outHeight);

// Reads the markers up to the first scan. NotTaken and Damaged both mean that libjpeg-turbo has to
// look at the file: what is unusual is left to it here, what is wrong is too.
SparseResult readFrameHeader(std::span<const std::uint8_t> jpeg, FrameHeader& header);

}  // namespace lungcls::jpeg_sparse
