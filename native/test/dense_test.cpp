#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "../core/dense/dense_layer.hpp"
#include "../core/dense/sparse_tile.hpp"
#include "../core/parallel_for.hpp"
#include "check.hpp"
#include "finish.hpp"

using namespace lungcls;
using lungcls::test::finish;
using namespace lungcls::dense;

namespace {

using Layer = std::shared_ptr<DenseLayer>;
constexpr auto kArrays = {DenseLayer::Array::Value, DenseLayer::Array::Momentum,
                          DenseLayer::Array::Velocity};
constexpr AdamStep kStep = {3e-4F, 0.1F, 0.001F, 1e-7F};

struct Case {
  DenseShape shape;
  std::size_t rows;
  std::uint32_t zeros = 33;  // of 100 features; most tiles of 90 are multiplied without their zeros
};

// One unit, odd sizes, a tile that is cut off, several tiles a block, more rows than a product has.
const std::vector<Case> kCases = {
    {{1, 1, 1}, 1},          {{97, 1, 1}, 5},          {{96, 16, 3}, 16},
    {{301, 37, 7}, 3},       {{1000, 256, 1}, 64},     {{1024, 256, 8}, 63},
    {{700, 129, 2}, 1},      {{130, 5, 1}, 600},       {{64, 3000, 2}, 9},

    {{1, 1, 1}, 1, 90},      {{97, 1, 1}, 5, 90},      {{96, 16, 3}, 16, 90},
    {{301, 37, 7}, 3, 90},   {{1000, 256, 1}, 64, 90}, {{1024, 256, 8}, 63, 90},
    {{700, 129, 2}, 1, 90},  {{130, 5, 1}, 600, 90},   {{64, 3000, 2}, 9, 90},
    {{300, 70, 2}, 200, 90}, {{1000, 256, 1}, 64, 45}, {{256, 64, 2}, 64, 100},
};

// Some whole numbers between -1 and 1, times a power of two, and zeros, as behind a relu.
std::vector<float> numbers(std::size_t count, std::uint32_t seed, std::uint32_t zeros = 33) {
  std::vector<float> result(count);
  for (float& value : result) {
    seed = seed * 1664525 + 1013904223;
    value = static_cast<float>(static_cast<int>(seed >> 16) - 32768) / 32768.0F;
    if ((seed >> 8) % 100 < zeros) value = 0;
  }
  return result;
}

// Where (row, feature) stands in a batch that is laid out in blocks.
std::size_t place(const Case& c, std::size_t row, std::size_t feature) {
  const std::size_t width = c.shape.features / c.shape.blocks;
  return (feature / width * c.rows + row) * width + feature % width;
}

bool close(double found, double expected, double scale) {
  return std::abs(found - expected) <= 1e-5 * scale;
}

std::string describe(const Case& c) {
  return std::to_string(c.shape.features) + " x " + std::to_string(c.shape.units) + " in " +
         std::to_string(c.shape.blocks) + " blocks, " + std::to_string(c.rows) + " rows, " +
         std::to_string(c.zeros) + " % zeros";
}

Layer filled(const Case& c, const Gemm& gemm, ThreadPool& pool) {
  auto layer = DenseLayer::make(c.shape, gemm, pool, pool.size());
  const auto start = numbers(c.shape.features * c.shape.units, 7);
  std::copy(start.begin(), start.end(), layer->array(DenseLayer::Array::Value).begin());
  return layer;
}

// The last product, and all arrays after a few steps. `ahead`: each product but the first one is
// made with the step before it.
std::vector<float> train(const Case& c, const Gemm& gemm, std::size_t threads, bool ahead) {
  ThreadPool pool(threads);
  const Layer layer = filled(c, gemm, pool);
  std::vector<float> result(c.rows * c.shape.units);
  for (std::uint32_t step = 0; step < 3; ++step) {
    const auto x = numbers(c.rows * c.shape.features, 1 + step, c.zeros);
    const auto gradient = numbers(c.rows * c.shape.units, 11 + step);
    const DenseBatch batch = {x.data(), c.rows};
    if (!ahead || step == 0) {
      finish([&](auto done) { layer->forward({batch, result.data()}, done); });
    }
    const auto nextX = numbers(c.rows * c.shape.features, 2 + step, c.zeros);
    const bool last = step == 2;
    Product next;
    if (ahead && !last) next = {{nextX.data(), c.rows}, result.data()};
    finish([&](auto done) { layer->update(batch, gradient.data(), kStep, next, done); });
  }
  for (const auto which : kArrays) {
    const auto array = layer->array(which);
    result.insert(result.end(), array.begin(), array.end());
  }
  return result;
}

void checkAgainstDouble(const Case& c, const Gemm& gemm) {
  ThreadPool pool(2);
  const Layer layer = filled(c, gemm, pool);
  const auto value = layer->array(DenseLayer::Array::Value);
  const std::vector<float> before(value.begin(), value.end());
  const auto x = numbers(c.rows * c.shape.features, 1, c.zeros);
  const auto gradient = numbers(c.rows * c.shape.units, 11);
  std::vector<float> product(c.rows * c.shape.units, NAN);
  const DenseBatch batch = {x.data(), c.rows};
  finish([&](auto done) { layer->forward({batch, product.data()}, done); });
  finish([&](auto done) { layer->update(batch, gradient.data(), kStep, {}, done); });
  const std::size_t units = c.shape.units;
  bool productRight = true;
  for (std::size_t row = 0; row < c.rows; ++row) {
    for (std::size_t unit = 0; unit < units; ++unit) {
      double sum = 0;
      double scale = 1;
      for (std::size_t f = 0; f < c.shape.features; ++f) {
        const double term = double{x[place(c, row, f)]} * before[f * units + unit];
        sum += term;
        scale += std::abs(term);
      }
      productRight = productRight && close(product[row * units + unit], sum, scale);
    }
  }
  CHECK_NOTE(productRight, describe(c));
  bool momentsRight = true;
  bool valueRight = true;
  for (std::size_t f = 0; f < c.shape.features; ++f) {
    for (std::size_t unit = 0; unit < units; ++unit) {
      double slope = 0;
      double scale = 1e-3;
      for (std::size_t row = 0; row < c.rows; ++row) {
        const double term = double{x[place(c, row, f)]} * gradient[row * units + unit];
        slope += term;
        scale += std::abs(term);
      }
      const std::size_t i = f * units + unit;
      const double m = layer->array(DenseLayer::Array::Momentum)[i];
      const double v = layer->array(DenseLayer::Array::Velocity)[i];
      momentsRight = momentsRight && close(m, 0.1 * slope, scale) &&
                     close(v, 0.001 * slope * slope, scale * scale);
      const double change = m * 3e-4 / (std::sqrt(v) + 1e-7);
      valueRight = valueRight && std::abs(value[i] - (before[i] - change)) < 2e-7;
    }
  }
  CHECK_NOTE(momentsRight, describe(c));
  CHECK_NOTE(valueRight, describe(c));
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST("dense: plain loops multiply and step as double precision does") {
  for (const auto& c : kCases) checkAgainstDouble(c, portableGemm());
}

TEST("dense: libxsmm multiplies and steps as double precision does, where it is there") {
  const auto& found = libxsmmGemm();
  CHECK(!found.description.empty());
  if (found.gemm == nullptr) return;
  for (const auto& c : kCases) checkAgainstDouble(c, *found.gemm);
}

TEST("dense: the same bits on any number of threads, looking ahead or not") {
  for (const auto& c : kCases) {
    const auto one = train(c, portableGemm(), 1, false);
    CHECK_NOTE(same(one, train(c, portableGemm(), 3, true)), describe(c));
    const auto* gemm = libxsmmGemm().gemm;
    if (gemm == nullptr) continue;
    const auto fast = train(c, *gemm, 1, false);
    CHECK_NOTE(same(fast, train(c, *gemm, 3, false)), describe(c));
    CHECK_NOTE(same(fast, train(c, *gemm, 3, true)), describe(c));
  }
}

TEST("dense: every kind of CPU takes the same Adam step, bit for bit") {
  constexpr std::size_t kCount = 1003;
  const auto gradient = numbers(kCount, 1);
  std::vector<std::vector<float>> results;
  for (const auto& kernel : supportedAdamKernels()) {
    auto value = numbers(kCount, 2);
    auto momentum = numbers(kCount, 3);
    std::vector<float> velocity(kCount, 0.25F);
    kernel.apply(kStep, kCount, gradient.data(), value.data(), momentum.data(), velocity.data());
    value.insert(value.end(), momentum.begin(), momentum.end());
    value.insert(value.end(), velocity.begin(), velocity.end());
    results.push_back(std::move(value));
  }
  CHECK(!results.empty());
  for (const auto& result : results) CHECK(same(result, results.front()));
}

TEST("dense: every kind of CPU multiplies without zeros as plain loops do") {
  constexpr std::size_t kColumns = 130;
  constexpr std::size_t kUnits = 101;
  constexpr std::size_t kRows = 70;
  const auto x = numbers(kRows * kColumns, 1, 80);
  const auto gradient = numbers(kRows * kUnits, 2);
  const auto weights = numbers(kColumns * kUnits, 3);
  const GemmTile tile = {x.data(), kColumns, kRows, kColumns, kUnits};
  std::vector<float> slope(kColumns * kUnits);
  portableGemm().transposedProduct(tile, gradient.data(), false, slope.data());
  auto expected = weights;
  std::vector<float> moments(2 * slope.size(), 0.25F);
  supportedAdamKernels().front().apply(kStep, slope.size(), slope.data(), expected.data(),
                                       moments.data(), moments.data() + slope.size());
  expected.insert(expected.end(), moments.begin(), moments.end());
  std::vector<float> product(kRows * kUnits, 1.0F);
  portableGemm().addProduct(tile, expected.data(), product.data());
  expected.insert(expected.end(), product.begin(), product.end());

  std::vector<float> packedGradient(packedSize(kRows, kUnits));
  packRows(gradient.data(), kRows, kUnits, packedGradient.data());
  CHECK(!supportedSparseKernels().empty());
  for (const auto& kernel : supportedSparseKernels()) {
    const SparseTile sparse(kernel, tile);
    CHECK_NOTE(sparse.sparse(), kernel.name);
    auto found = weights;
    found.resize(expected.size(), 0.25F);
    const std::size_t size = slope.size();
    std::vector<float> packed(packedSize(kColumns, kUnits));
    sparse.step(packedGradient.data(), kStep,
                {found.data(), found.data() + size, found.data() + 2 * size}, packed.data());
    std::vector<float> repacked(packed.size());
    packWeights(found.data(), kColumns, kUnits, repacked.data());
    CHECK_NOTE(same(packed, repacked), kernel.name);
    std::fill(found.begin() + static_cast<std::ptrdiff_t>(3 * size), found.end(), 1.0F);
    sparse.addProduct(packed.data(), found.data() + 3 * size);
    bool right = true;
    for (std::size_t i = 0; i < found.size(); ++i) right = right && close(found[i], expected[i], 1);
    CHECK_NOTE(right, kernel.name);
  }
}

TEST("dense: what is not a number shows in the product, however few numbers are not zero") {
  const Case c = {{64, 16, 1}, 3, 90};
  ThreadPool pool(1);
  const Layer layer = filled(c, portableGemm(), pool);
  auto x = numbers(c.rows * c.shape.features, 1, c.zeros);
  x[70] = NAN;
  std::vector<float> product(c.rows * c.shape.units);
  finish([&](auto done) { layer->forward({{x.data(), c.rows}, product.data()}, done); });
  CHECK(std::isnan(product[16]));
  CHECK(!std::isnan(product[0]));
}

TEST("dense: moments that fade away become zero instead of slowing down") {
  ThreadPool pool(1);
  const Case c = {{16, 16, 1}, 1};
  const Layer layer = filled(c, portableGemm(), pool);
  for (float& m : layer->array(DenseLayer::Array::Momentum)) m = 1e-39F;
  const std::vector<float> zeros(16, 0.0F);
  finish([&](auto done) { layer->update({zeros.data(), 1}, zeros.data(), kStep, {}, done); });
#if defined(__SSE2__)
  const auto momentum = layer->array(DenseLayer::Array::Momentum);
  CHECK(std::all_of(momentum.begin(), momentum.end(), [](float m) { return m == 0; }));
#endif
}

TEST("dense: a loop takes each item once, and ends once") {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> taken(1000);
  finish([&](auto done) {
    parallelFor(
        pool, taken.size(), 3,
        [&](std::size_t item, std::size_t worker) {
          if (worker < 3) ++taken[item];
        },
        done);
  });
  bool once = true;
  for (const auto& count : taken) once = once && count == 1;
  CHECK(once);
  finish([&](auto done) {
    parallelFor(
        pool, 0, 3, [](std::size_t, std::size_t) {}, done);
  });
}
