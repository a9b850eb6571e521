#include "dense_layer.hpp"

#include <algorithm>
#include <utility>

#include "flush_denormals.hpp"
#include "parallel_for.hpp"

namespace lungcls::dense {
namespace {

// A tile's gradient, 128 KiB, and its weights and moments fit a core's second cache together.
constexpr std::size_t kTileFloats = 32768;
// Rows of one product: more would push the tile out of the cache.
constexpr std::size_t kGemmRows = 128;
// Partial sums of the product, each over the same tiles whatever the number of threads.
constexpr std::size_t kSlices = 32;
constexpr std::size_t kPartialFloats = std::size_t{1} << 24;
// Rows of large batches that are multiplied apart, since they have few slices.
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

void DenseLayer::forward(const DenseBatch& batch, float* output, Done done) {
  const std::size_t size = batch.rows * shape_.units;
  const std::size_t tiles = shape_.blocks * tilesPerBlock_;
  const std::size_t slices = std::clamp<std::size_t>(
      kPartialFloats / std::max<std::size_t>(1, size), 1, std::min(kSlices, tiles));
  const std::size_t groups = divideUp(batch.rows, kGroupRows);
  scratch_.reserve(slices * size * sizeof(float));
  auto self = shared_from_this();
  parallelFor(
      pool_, slices * groups, std::min(threads_, pool_.size()),
      [this, self, batch, slices](std::size_t item, std::size_t /*worker*/) {
        const std::size_t firstRow = item / slices * kGroupRows;
        multiplySlice(batch, item % slices, slices, firstRow,
                      std::min(firstRow + kGroupRows, batch.rows));
      },
      [this, self, output, size, slices, done = std::move(done)] {
        const auto* partial = reinterpret_cast<const float*>(scratch_.data());
        std::copy_n(partial, size, output);
        for (std::size_t slice = 1; slice < slices; ++slice) {
          const float* more = partial + slice * size;
          for (std::size_t i = 0; i < size; ++i) output[i] += more[i];
        }
        done();
      });
}

void DenseLayer::multiplySlice(const DenseBatch& batch, std::size_t slice, std::size_t slices,
                               std::size_t firstRow, std::size_t lastRow) {
  const FlushDenormals flush;
  const std::size_t tiles = shape_.blocks * tilesPerBlock_;
  const float* weights = array(Array::Value).data();
  float* sum = reinterpret_cast<float*>(scratch_.data()) + slice * batch.rows * shape_.units;
  std::fill(sum + firstRow * shape_.units, sum + lastRow * shape_.units, 0.0F);
  const std::size_t end = tiles * (slice + 1) / slices;
  for (std::size_t index = tiles * slice / slices; index < end; ++index) {
    const Tile part = tile(index);
    for (std::size_t row = firstRow; row < lastRow; row += kGemmRows) {
      gemm_.addProduct(gemmTile(batch, part, row, std::min(kGemmRows, lastRow - row)),
                       weights + weightsAt(part), sum + row * shape_.units);
    }
  }
}

void DenseLayer::update(const DenseBatch& batch, const float* gradient, const AdamStep& step,
                        Done done) {
  const std::size_t workers = std::min(threads_, pool_.size());
  scratch_.reserve(workers * tileColumns_ * shape_.units * sizeof(float));
  auto self = shared_from_this();
  parallelFor(
      pool_, shape_.blocks * tilesPerBlock_, workers,
      [this, self, batch, gradient, step](std::size_t index, std::size_t worker) {
        updateTile(batch, gradient, step, index, worker);
      },
      std::move(done));
}

void DenseLayer::updateTile(const DenseBatch& batch, const float* gradient, const AdamStep& step,
                            std::size_t index, std::size_t worker) {
  const FlushDenormals flush;
  const Tile part = tile(index);
  float* slope = reinterpret_cast<float*>(scratch_.data()) + worker * tileColumns_ * shape_.units;
  for (std::size_t row = 0; row < batch.rows; row += kGemmRows) {
    gemm_.transposedProduct(gemmTile(batch, part, row, std::min(kGemmRows, batch.rows - row)),
                            gradient + row * shape_.units, row > 0, slope);
  }
  // While the gradient is still in the cache.
  const std::size_t at = weightsAt(part);
  adam_.apply(step, part.columns * shape_.units, slope, array(Array::Value).data() + at,
              array(Array::Momentum).data() + at, array(Array::Velocity).data() + at);
}

}  // namespace lungcls::dense
