// A dense layer without bias, with its Adam moments: y = x W, and Adam's step along x^T g.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "../host_buffer.hpp"
#include "../thread_pool.hpp"
#include "adam.hpp"
#include "gemm.hpp"
#include "sparse.hpp"

namespace lungcls::dense {

struct DenseShape {
  std::size_t features = 0;
  std::size_t units = 0;
  // Blocks of equally many features in which batches are laid out; divides `features`.
  std::size_t blocks = 1;
};

// Rows of features: block after block, in each the rows, in each row the block's features.
struct DenseBatch {
  const float* values = nullptr;
  std::size_t rows = 0;
};

// What is to be multiplied with the weights, and where the result goes: (rows, units). Nothing for
// 0 rows.
struct Product {
  DenseBatch batch;
  float* output = nullptr;
};

// One operation at a time. Results depend on the shapes and the kind of CPU alone, not on the
// number of threads: sums are cut in the same places, and added in the same order, whoever computes
// them.
class DenseLayer : public std::enable_shared_from_this<DenseLayer> {
 public:
  using Done = std::function<void()>;
  enum class Array : std::uint8_t { Value, Momentum, Velocity };

  // All zeros. At most `threads` of the pool's threads work for it at a time. Throws
  // std::bad_alloc.
  static std::shared_ptr<DenseLayer> make(const DenseShape& shape, const Gemm& gemm,
                                          ThreadPool& pool, std::size_t threads);

  [[nodiscard]] const DenseShape& shape() const { return shape_; }
  // (features, units), row-major.
  [[nodiscard]] std::span<float> array(Array which) const;

  // output = batch x value. Both return at once; what they are given must stay until `done` is
  // called, on any thread. They throw std::bad_alloc and std::system_error.
  void forward(const Product& product, Done done);
  // Adam's step along the gradient of the value, transposed batch x gradient (rows, units). Then
  // the product of `next`, the same bits as by forward(), but each weight is in the cache already.
  void update(const DenseBatch& batch, const float* gradient, const AdamStep& step,
              const Product& next, Done done);

 private:
  // Features that are treated together; their weights' gradient stays in a core's cache.
  struct Tile {
    std::size_t block;
    std::size_t first;  // in the block
    std::size_t columns;
  };

  struct Range {
    std::size_t first;
    std::size_t last;  // not part of it
  };

  // Memory for a tile's weights packed, and whether they are there.
  struct Copy {
    float* packed;
    bool made = false;
  };

  // Of the loss with respect to the product, as (rows, units) and packed.
  struct Gradient {
    const float* rows;
    const float* packed;
  };

  DenseLayer(const DenseShape& shape, const Gemm& gemm, ThreadPool& pool, std::size_t threads);

  [[nodiscard]] Tile tile(std::size_t index) const;
  [[nodiscard]] GemmTile gemmTile(const DenseBatch& batch, const Tile& tile, std::size_t row,
                                  std::size_t rows) const;
  [[nodiscard]] std::size_t weightsAt(const Tile& tile) const;
  [[nodiscard]] std::size_t slices() const;
  [[nodiscard]] Range tilesOf(std::size_t slice) const;
  [[nodiscard]] std::size_t tileFloats() const;
  [[nodiscard]] float* partialSum(std::size_t slice, std::size_t rows) const;
  void addTile(const DenseBatch& batch, const Tile& part, const Range& rows, Copy& copy,
               float* sum) const;
  void sumSlices(const Product& product) const;
  Copy updateTile(const DenseBatch& batch, const Gradient& gradient, const AdamStep& step,
                  const Tile& part, float* scratch);

  const DenseShape shape_;
  const Gemm& gemm_;
  ThreadPool& pool_;
  const std::size_t threads_;
  const AdamKernel adam_;
  const SparseKernel sparse_;
  const std::size_t width_;  // features a block
  const std::size_t tileColumns_;
  const std::size_t tilesPerBlock_;
  std::array<std::shared_ptr<HostBuffer>, 3> arrays_;
  ScratchBuffer scratch_;
};

}  // namespace lungcls::dense
