// Products with blocks of features that are mostly zeros, as behind a relu, compiled once for each
// kind of CPU: only what is not zero is multiplied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "adam.hpp"

namespace lungcls::dense {

// A block is at most so many features by so many units: in the first cache with what it is
// multiplied with.
constexpr std::size_t kBlockFeatures = 64;
constexpr std::size_t kBlockUnits = 64;

// Some features of a batch, and which of them are not zero.
struct SparseBlock {
  const float* input = nullptr;  // (rows, features), row-major
  std::size_t stride = 0;        // floats from one row of the input to the next
  std::size_t rows = 0;
  std::size_t features = 0;  // at most kBlockFeatures
  // A bit a feature, the first in the lowest, for each row.
  const std::uint64_t* byRow = nullptr;
  // A bit a row, for each feature, in `words` words a feature.
  const std::uint64_t* byFeature = nullptr;
  std::size_t words = 0;
};

// Weights of a block with Adam's moments: features `stride` floats apart.
struct BlockWeights {
  float* value = nullptr;
  float* momentum = nullptr;
  float* velocity = nullptr;
  std::size_t stride = 0;
  std::size_t units = 0;      // at most kBlockUnits
  std::size_t nextBlock = 0;  // floats to the block that will be needed next, fetched meanwhile
};

struct SparseKernel {
  const char* name;
  // Writes the marks of `count` <= 64 values that are not zero.
  std::uint64_t (*mark)(const float* values, std::size_t count);
  // output (rows, units), its rows `outputStride` floats apart, += block x weights; each feature's
  // weights are kBlockUnits floats apart.
  void (*addProduct)(const SparseBlock& block, const float* weights, std::size_t units,
                     float* output, std::size_t outputStride);
  // Adam's step along transposed block x gradient, whose rows are kBlockUnits floats apart. Writes
  // the new weights to `copy` too, features kBlockUnits floats apart.
  void (*step)(const SparseBlock& block, const float* gradient, const AdamStep& step,
               const BlockWeights& weights, float* copy);
};

// Those compiled in that this machine can run, best first.
std::span<const SparseKernel> supportedSparseKernels();

}  // namespace lungcls::dense
