// Which numbers of a tile are not zero, and the two products of a tile of which most are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "adam.hpp"
#include "gemm.hpp"
#include "sparse.hpp"

namespace lungcls::dense {

// (rows, units), laid out kBlockUnits units at a time, in each row after row: what is multiplied at
// a time then lies in the first cache, where parts of longer rows would fall on each other.
void packRows(const float* from, std::size_t rows, std::size_t units, float* packed);
// The same for kBlockFeatures rows after kBlockFeatures.
void packWeights(const float* from, std::size_t columns, std::size_t units, float* packed);
// Floats of packed rows.
std::size_t packedSize(std::size_t rows, std::size_t units);

// A tile's weights and moments, each (columns, units).
struct TileWeights {
  float* value = nullptr;
  float* momentum = nullptr;
  float* velocity = nullptr;
  bool more = false;  // whether others follow in memory
};

class SparseTile {
 public:
  // Larger tiles pass for full ones.
  static constexpr std::size_t kMostRows = 256;
  static constexpr std::size_t kMostColumns = 512;

  // Looks at the numbers. It stands for the tile only as long as those stay.
  SparseTile(const SparseKernel& kernel, const GemmTile& tile);

  // Whether most numbers are zero; else a library's product is faster, and nothing below is
  // defined.
  [[nodiscard]] bool sparse() const { return sparse_; }
  // output (rows, units) += input x weights (columns, units), which are given packed.
  void addProduct(const float* packedWeights, float* output) const;
  // Adam's step along transposed input x gradient, which is given packed. Writes the new weights
  // packed too.
  void step(const float* packedGradient, const AdamStep& step, const TileWeights& weights,
            float* packedWeights) const;

 private:
  [[nodiscard]] SparseBlock block(std::size_t firstColumn) const;

  const SparseKernel& kernel_;
  const GemmTile tile_;
  bool sparse_ = false;
  // Block after block, in each row after row.
  std::array<std::uint64_t, kMostRows * kMostColumns / kBlockFeatures> marks_;
};

}  // namespace lungcls::dense
