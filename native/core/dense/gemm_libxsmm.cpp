#include <libxsmm.h>

#include "gemm.hpp"

namespace lungcls::dense {
namespace {

// libxsmm counts in columns: a row-major (columns, units) is its (units, columns), so the layer's
// products change places. m, n, k are its names of the sizes of (m, k) x (k, n).
libxsmm_smmfunction kernel(std::size_t m, std::size_t n, std::size_t k, std::size_t ldb,
                           bool transposeB, bool add) {
  const auto lda = static_cast<libxsmm_blasint>(m);
  const auto ldbSigned = static_cast<libxsmm_blasint>(ldb);
  const float alpha = 1;
  const float beta = add ? 1 : 0;
  const int flags = transposeB ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
  const int prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
  // Written once, then looked up.
  return libxsmm_smmdispatch(static_cast<libxsmm_blasint>(m), static_cast<libxsmm_blasint>(n),
                             static_cast<libxsmm_blasint>(k), &lda, &ldbSigned, &lda, &alpha, &beta,
                             &flags, &prefetch);
}

class Libxsmm final : public Gemm {
 public:
  void addProduct(const GemmTile& tile, const float* weights, float* output) const override {
    const auto multiply = kernel(tile.units, tile.rows, tile.columns, tile.stride, false, true);
    if (multiply == nullptr) return portableGemm().addProduct(tile, weights, output);
    multiply(weights, tile.input, output);
  }

  void transposedProduct(const GemmTile& tile, const float* gradient, bool add,
                         float* result) const override {
    const auto multiply = kernel(tile.units, tile.columns, tile.rows, tile.stride, true, add);
    if (multiply == nullptr) return portableGemm().transposedProduct(tile, gradient, add, result);
    multiply(gradient, tile.input, result);
  }
};

LibxsmmGemm find() {
  static const Libxsmm gemm;
  libxsmm_init();
  const std::string version = "libxsmm " LIBXSMM_VERSION;
  // Null on CPUs it does not know, and where the system forbids code made at run time.
  if (kernel(16, 16, 16, 16, false, true) == nullptr ||
      kernel(16, 16, 16, 16, true, false) == nullptr) {
    return {nullptr,
            version + " cannot make code for this CPU (" + libxsmm_get_target_arch() + ")"};
  }
  return {&gemm, version + " (" + libxsmm_get_target_arch() + ")"};
}

}  // namespace

const LibxsmmGemm& libxsmmGemm() {
  static const LibxsmmGemm found = find();
  return found;
}

}  // namespace lungcls::dense
