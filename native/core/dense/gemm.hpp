// The two matrix products of a dense layer, one tile of its features at a time.
#pragma once

#include <cstddef>
#include <string>

namespace lungcls::dense {

// Some features of some rows of a batch, and the layer's units.
struct GemmTile {
  const float* input = nullptr;  // (rows, columns), row-major
  std::size_t stride = 0;        // floats from one row of the input to the next
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t units = 0;
};

// Thread-safe. All matrices but the input are row-major without gaps. The same tile gives the same
// bits on the same kind of CPU.
class Gemm {
 public:
  Gemm() = default;
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;
  virtual ~Gemm() = default;

  // output (rows, units) += input x weights (columns, units)
  virtual void addProduct(const GemmTile& tile, const float* weights, float* output) const = 0;
  // result (columns, units) = transposed input x gradient (rows, units); += where `add`
  virtual void transposedProduct(const GemmTile& tile, const float* gradient, bool add,
                                 float* result) const = 0;
};

// Plain loops, for tests and for builds with sanitizers.
const Gemm& portableGemm();

// libxsmm, which writes the code of each product while it runs.
struct LibxsmmGemm {
  const Gemm* gemm = nullptr;  // null where it is not there
  std::string description;     // its version and the CPU it writes for, or why it is not there
};
// Found out at the first call.
const LibxsmmGemm& libxsmmGemm();

}  // namespace lungcls::dense
