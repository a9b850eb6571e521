// Sums of few rows of a matrix, each times a number: products with a matrix that is mostly zeros.
// Compiled once for each kind of CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lungcls::dense {

// Marks of 64 things in a word, the first in the lowest bit.
constexpr std::size_t kMarks = 64;

// Which rows to sum, and the number that each is multiplied with.
struct ScaledRows {
  const float* rows;    // row i begins at rows + i * length
  std::size_t length;   // of a row and of the sum
  const float* factor;  // row i's is factor[i * stride]
  std::size_t stride;
  const std::uint64_t* marked;  // the rows that count
  std::size_t words;
};

struct ScaledRowsKernel {
  const char* name;
  // sum = the marked rows, each times its factor, added one after the other; += where `add`.
  void (*sum)(const ScaledRows& terms, bool add, float* sum);
  // Marks the values that are not zero. Whole words are written.
  void (*mark)(const float* values, std::size_t count, std::uint64_t* marked);
};

// Those compiled in that this machine can run, best first.
std::span<const ScaledRowsKernel> supportedScaledRowsKernels();

}  // namespace lungcls::dense
