#include "dense_layer.hpp"

#include <algorithm>
#include <utility>

#include "../parallel_for.hpp"
#include "flush_denormals.hpp"
#include "sparse_tile.hpp"

namespace lungcls::dense {
namespace {

// A tile's gradient, 128 KiB, and its weights and moments fit a core's second cache together.
constexpr std::size_t kTileFloats = 32768;
// Rows of one product: more would push the tile out of the cache.
constexpr std::size_t kGemmRows = 128;
// Work is cut into so many slices of tiles, whatever the number of threads; each has a sum of its
// own.
constexpr std::size_t kSlices = 64;
// Rows of large batches that are multiplied apart, where that is all there is to do.
constexpr std::size_t kGroupRows = 512;

std::size_t divideUp(std::size_t value, std::size_t by) {
  return (value + by - 1) / by;
}

std::size_t columnsOf(const DenseShape& shape) {
  const std::size_t fitting = std::clamp<std::size_t>(kTileFloats / shape.units, 1, 512);
  // Whole vectors, where there is a choice.
  const std::size_t whole = fitting < 16 ? fitting : fitting / 16 * 16;
  return std::min(whole, shape.features / shape.blocks);
}

}  // namespace

std::shared_ptr<DenseLayer> DenseLayer::make(const DenseShape& shape, const Gemm& gemm,
                                             ThreadPool& pool, std::size_t threads) {
  return std::shared_ptr<DenseLayer>(new DenseLayer(shape, gemm, pool, threads));
}

DenseLayer::DenseLayer(const DenseShape& shape, const Gemm& gemm, ThreadPool& pool,
                       std::size_t threads)
    : shape_(shape),
      gemm_(gemm),
      pool_(pool),
      threads_(threads),
      adam_(supportedAdamKernels().front()),
      sparse_(supportedSparseKernels().front()),
      width_(shape.features / shape.blocks),
      tileColumns_(columnsOf(shape)),
      tilesPerBlock_(divideUp(width_, tileColumns_)) {
  for (auto& memory : arrays_) {
    memory = HostBuffer::allocate(shape.features * shape.units * sizeof(float));
  }
}

std::span<float> DenseLayer::array(Array which) const {
  return {reinterpret_cast<float*>(arrays_[static_cast<std::size_t>(which)]->data()),
          shape_.features * shape_.units};
}

DenseLayer::Tile DenseLayer::tile(std::size_t index) const {
  const std::size_t first = index % tilesPerBlock_ * tileColumns_;
  return {index / tilesPerBlock_, first, std::min(tileColumns_, width_ - first)};
}

GemmTile DenseLayer::gemmTile(const DenseBatch& batch, const Tile& tile, std::size_t row,
                              std::size_t rows) const {
  return {batch.values + (tile.block * batch.rows + row) * width_ + tile.first, width_, rows,
          tile.columns, shape_.units};
}

std::size_t DenseLayer::weightsAt(const Tile& tile) const {
  return (tile.block * width_ + tile.first) * shape_.units;
}

std::size_t DenseLayer::slices() const {
  return std::min(kSlices, shape_.blocks * tilesPerBlock_);
}

DenseLayer::Range DenseLayer::tilesOf(std::size_t slice) const {
  const std::size_t tiles = shape_.blocks * tilesPerBlock_;
  return {tiles * slice / slices(), tiles * (slice + 1) / slices()};
}

std::size_t DenseLayer::tileFloats() const {
  return packedSize(tileColumns_, shape_.units);
}

float* DenseLayer::partialSum(std::size_t slice, std::size_t rows) const {
  return reinterpret_cast<float*>(scratch_.data()) + slice * rows * shape_.units;
}

void DenseLayer::addTile(const DenseBatch& batch, const Tile& part, const Range& rows, Copy& copy,
                         float* sum) const {
  const float* weights = array(Array::Value).data() + weightsAt(part);
  for (std::size_t row = rows.first; row < rows.last; row += kGemmRows) {
    const GemmTile some = gemmTile(batch, part, row, std::min(kGemmRows, rows.last - row));
    const SparseTile looked(sparse_, some);
    if (looked.sparse()) {
      if (!copy.made) packWeights(weights, part.columns, shape_.units, copy.packed);
      copy.made = true;
      looked.addProduct(copy.packed, sum + row * shape_.units);
    } else {
      gemm_.addProduct(some, weights, sum + row * shape_.units);
    }
  }
}

void DenseLayer::sumSlices(const Product& product) const {
  const std::size_t size = product.batch.rows * shape_.units;
  std::copy_n(partialSum(0, product.batch.rows), size, product.output);
  for (std::size_t slice = 1; slice < slices(); ++slice) {
    const float* more = partialSum(slice, product.batch.rows);
    for (std::size_t i = 0; i < size; ++i) product.output[i] += more[i];
  }
}

void DenseLayer::forward(const Product& product, Done done) {
  const std::size_t rows = product.batch.rows;
  const std::size_t workers = std::min(threads_, pool_.size());
  const std::size_t sums = slices() * rows * shape_.units;
  scratch_.reserve((sums + workers * tileFloats()) * sizeof(float));
  auto self = shared_from_this();
  parallelFor(
      pool_, slices() * divideUp(rows, kGroupRows), workers,
      [this, self, product, rows, sums](std::size_t item, std::size_t worker) {
        const FlushDenormals flush;
        const std::size_t slice = item % slices();
        const std::size_t first = item / slices() * kGroupRows;
        const Range group = {first, std::min(first + kGroupRows, rows)};
        float* sum = partialSum(slice, rows);
        std::fill(sum + group.first * shape_.units, sum + group.last * shape_.units, 0.0F);
        const Range tiles = tilesOf(slice);
        for (std::size_t index = tiles.first; index < tiles.last; ++index) {
          Copy copy = {partialSum(0, 0) + sums + worker * tileFloats()};
          addTile(product.batch, tile(index), group, copy, sum);
        }
      },
      [this, self, product, done = std::move(done)] {
        sumSlices(product);
        done();
      });
}

void DenseLayer::update(const DenseBatch& batch, const float* gradient, const AdamStep& step,
                        const Product& next, Done done) {
  const std::size_t workers = std::min(threads_, pool_.size());
  // As much as with a next batch: memory does not depend on whether one was there in time.
  const std::size_t sums = slices() * std::max(batch.rows, next.batch.rows) * shape_.units;
  const std::size_t copies = workers * tileFloats();
  scratch_.reserve((sums + copies + packedSize(batch.rows, shape_.units)) * sizeof(float));
  float* packed = partialSum(0, 0) + sums + copies;
  packRows(gradient, batch.rows, shape_.units, packed);
  auto self = shared_from_this();
  parallelFor(
      pool_, slices(), workers,
      [this, self, batch, gradient, packed, step, next, sums](std::size_t slice,
                                                              std::size_t worker) {
        const FlushDenormals flush;
        float* scratch = partialSum(0, 0) + sums + worker * tileFloats();
        float* sum = partialSum(slice, next.batch.rows);
        std::fill_n(sum, next.batch.rows * shape_.units, 0.0F);
        const Range tiles = tilesOf(slice);
        for (std::size_t index = tiles.first; index < tiles.last; ++index) {
          const Tile part = tile(index);
          Copy copy = updateTile(batch, {gradient, packed}, step, part, scratch);
          // While the weights are still in the cache.
          addTile(next.batch, part, {0, next.batch.rows}, copy, sum);
        }
      },
      [this, self, next, done = std::move(done)] {
        if (next.batch.rows > 0) sumSlices(next);
        done();
      });
}

DenseLayer::Copy DenseLayer::updateTile(const DenseBatch& batch, const Gradient& gradient,
                                        const AdamStep& step, const Tile& part, float* scratch) {
  const std::size_t at = weightsAt(part);
  const std::size_t count = part.columns * shape_.units;
  const TileWeights weights = {array(Array::Value).data() + at, array(Array::Momentum).data() + at,
                               array(Array::Velocity).data() + at,
                               at + count < shape_.features * shape_.units};
  const SparseTile looked(sparse_, gemmTile(batch, part, 0, batch.rows));
  if (looked.sparse()) {
    looked.step(gradient.packed, step, weights, scratch);
    return {scratch, true};
  }
  for (std::size_t row = 0; row < batch.rows; row += kGemmRows) {
    gemm_.transposedProduct(gemmTile(batch, part, row, std::min(kGemmRows, batch.rows - row)),
                            gradient.rows + row * shape_.units, row > 0, scratch);
  }
  // While the gradient is still in the cache.
  adam_.apply(step, count, scratch, weights.value, weights.momentum, weights.velocity);
  return {scratch};
}

}  // namespace lungcls::dense
