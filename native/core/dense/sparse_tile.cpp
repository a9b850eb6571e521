#include "sparse_tile.hpp"

#include <algorithm>
#include <bit>

namespace lungcls::dense {
namespace {

constexpr std::size_t kWordBits = 64;
// Up to this share of numbers that are not zero it is faster than a library's product
// (bench/train-step.ts, with --zeros).
constexpr double kMostNonzero = 0.6;

using Words = std::array<std::uint64_t, kWordBits>;

// Transposes 64 x 64 bits (Warren, Hacker's Delight, 7-3).
void transposeBits(Words& bits) {
  std::uint64_t mask = 0xFFFFFFFF;
  for (std::size_t width = kWordBits / 2; width != 0; width /= 2, mask ^= mask << width) {
    for (std::size_t i = 0; i < kWordBits; i = ((i | width) + 1) & ~width) {
      const std::uint64_t change = ((bits[i] >> width) ^ bits[i | width]) & mask;
      bits[i] ^= change << width;
      bits[i | width] ^= change;
    }
  }
}

}  // namespace

SparseTile::SparseTile(const SparseKernel& kernel, const GemmTile& tile)
    : kernel_(kernel), tile_(tile) {
  if (tile.rows > kMostRows || tile.columns > kMostColumns) return;
  std::size_t count = 0;
  for (std::size_t row = 0; row < tile.rows; ++row) {
    for (std::size_t first = 0; first < tile.columns; first += kBlockFeatures) {
      std::uint64_t& marks = marks_[first / kBlockFeatures * tile.rows + row];
      marks = kernel.mark(tile.input + row * tile.stride + first,
                          std::min(kBlockFeatures, tile.columns - first));
      count += static_cast<std::size_t>(std::popcount(marks));
    }
  }
  sparse_ = static_cast<double>(count) <=
            kMostNonzero * static_cast<double>(tile.rows) * static_cast<double>(tile.columns);
}

SparseBlock SparseTile::block(std::size_t firstColumn) const {
  SparseBlock result;
  result.input = tile_.input + firstColumn;
  result.stride = tile_.stride;
  result.rows = tile_.rows;
  result.features = std::min(kBlockFeatures, tile_.columns - firstColumn);
  result.byRow = marks_.data() + firstColumn / kBlockFeatures * tile_.rows;
  return result;
}

void SparseTile::addProduct(const float* packedWeights, float* output) const {
  const float* weights = packedWeights;
  for (std::size_t column = 0; column < tile_.columns; column += kBlockFeatures) {
    const SparseBlock part = block(column);
    for (std::size_t unit = 0; unit < tile_.units; unit += kBlockUnits) {
      const std::size_t units = std::min(kBlockUnits, tile_.units - unit);
      kernel_.addProduct(part, weights, units, output + unit, tile_.units);
      weights += part.features * kBlockUnits;
    }
  }
}

void SparseTile::step(const float* packedGradient, const AdamStep& step, const TileWeights& weights,
                      float* packedWeights) const {
  std::array<std::uint64_t, kBlockFeatures * kMostRows / kWordBits> byFeature;
  float* copy = packedWeights;
  for (std::size_t column = 0; column < tile_.columns; column += kBlockFeatures) {
    SparseBlock part = block(column);
    part.words = (part.rows + kWordBits - 1) / kWordBits;
    part.byFeature = byFeature.data();
    for (std::size_t word = 0; word < part.words; ++word) {
      const std::size_t first = word * kWordBits;
      Words bits = {};
      std::copy_n(part.byRow + first, std::min(kWordBits, part.rows - first), bits.begin());
      transposeBits(bits);
      for (std::size_t i = 0; i < part.features; ++i) byFeature[i * part.words + word] = bits[i];
    }
    const bool last = column + kBlockFeatures >= tile_.columns;
    for (std::size_t unit = 0; unit < tile_.units; unit += kBlockUnits) {
      const std::size_t at = column * tile_.units + unit;
      BlockWeights some = {weights.value + at, weights.momentum + at, weights.velocity + at};
      some.stride = tile_.units;
      some.units = std::min(kBlockUnits, tile_.units - unit);
      if (!last || weights.more) some.nextBlock = part.features * tile_.units;
      kernel_.step(part, packedGradient + part.rows * unit, step, some, copy);
      copy += part.features * kBlockUnits;
    }
  }
}

void packWeights(const float* from, std::size_t columns, std::size_t units, float* packed) {
  for (std::size_t column = 0; column < columns; column += kBlockFeatures) {
    packRows(from + column * units, std::min(kBlockFeatures, columns - column), units,
             packed + packedSize(column, units));
  }
}

void packRows(const float* from, std::size_t rows, std::size_t units, float* packed) {
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t unit = 0; unit < units; unit += kBlockUnits) {
      std::copy_n(from + row * units + unit, std::min(kBlockUnits, units - unit),
                  packed + rows * unit + row * kBlockUnits);
    }
  }
}

std::size_t packedSize(std::size_t rows, std::size_t units) {
  return rows * ((units + kBlockUnits - 1) / kBlockUnits) * kBlockUnits;
}

}  // namespace lungcls::dense
