#include <algorithm>

#include "gemm.hpp"

namespace lungcls::dense {
namespace {

class PortableGemm final : public Gemm {
 public:
  void addProduct(const GemmTile& tile, const float* weights, float* output) const override {
    for (std::size_t row = 0; row < tile.rows; ++row) {
      for (std::size_t column = 0; column < tile.columns; ++column) {
        addScaled(tile.input[row * tile.stride + column], weights + column * tile.units, tile.units,
                  output + row * tile.units);
      }
    }
  }

  void transposedProduct(const GemmTile& tile, const float* gradient, bool add,
                         float* result) const override {
    if (!add) std::fill_n(result, tile.columns * tile.units, 0.0F);
    for (std::size_t row = 0; row < tile.rows; ++row) {
      for (std::size_t column = 0; column < tile.columns; ++column) {
        addScaled(tile.input[row * tile.stride + column], gradient + row * tile.units, tile.units,
                  result + column * tile.units);
      }
    }
  }

 private:
  static void addScaled(float factor, const float* from, std::size_t count, float* to) {
    for (std::size_t i = 0; i < count; ++i) to[i] += factor * from[i];
  }
};

}  // namespace

const Gemm& portableGemm() {
  static const PortableGemm gemm;
  return gemm;
}

}  // namespace lungcls::dense
