#include "sparse.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <vector>

// As in adam.cpp: compiled once for each target, and chosen below.
#define HWY_COMPILE_ALL_ATTAINABLE
#define HWY_BROKEN_EMU128 0
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sparse.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again
#include <hwy/highway.h>

#include "adam-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace lungcls::dense::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums that are held in registers at a time; there are 32 registers with AVX-512 and NEON, else 16.
#if HWY_TARGET == HWY_AVX3
constexpr std::size_t kSums = 4;  // kBlockUnits
#elif HWY_TARGET == HWY_NEON
constexpr std::size_t kSums = 16;  // kBlockUnits
#else
constexpr std::size_t kSums = 8;
#endif

constexpr std::size_t kLineFloats = 16;  // of a line of the cache

// Adds the rows whose bits are set, each times its factor, in their order.
template <std::size_t kVectors, class D>
HWY_INLINE void addRows(D d, std::uint64_t chosen, const float* factors, std::size_t factorStride,
                        const float* rows, hn::Vec<D>* HWY_RESTRICT sums) {
  const std::size_t lanes = hn::Lanes(d);
  for (; chosen != 0; chosen &= chosen - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(chosen));
    const auto factor = hn::Set(d, factors[i * factorStride]);
    const float* row = rows + i * kBlockUnits;
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[v] = hn::MulAdd(factor, hn::LoadU(d, row + v * lanes), sums[v]);
    }
  }
}

template <std::size_t kVectors, class D>
HWY_INLINE void addProductAt(D d, const SparseBlock& block, const float* weights, float* output,
                             std::size_t outputStride) {
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t row = 0; row < block.rows; ++row) {
    const std::uint64_t chosen = block.byRow[row];
    if (chosen == 0) continue;
    float* to = output + row * outputStride;
    hn::Vec<D> sums[kVectors];  // registers
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::LoadU(d, to + v * lanes);
    addRows<kVectors>(d, chosen, block.input + row * block.stride, 1, weights, sums);
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[v], d, to + v * lanes);
  }
}

template <std::size_t kVectors, class D>
HWY_INLINE void stepUnits(D d, const SparseBlock& block, const float* gradient,
                          const AdamStep& step, const BlockWeights& weights, std::size_t unit,
                          float* copy) {
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t feature = 0; feature < block.features; ++feature) {
    hn::Vec<D> sums[kVectors];  // registers
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
    for (std::size_t word = 0; word < block.words; ++word) {
      const std::size_t row = word * 64;
      addRows<kVectors>(d, block.byFeature[feature * block.words + word],
                        block.input + row * block.stride + feature, block.stride,
                        gradient + row * kBlockUnits + unit, sums);
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t at = feature * weights.stride + unit + v * lanes;
      if (v * lanes % kLineFloats == 0) {
        for (const float* array : {weights.value, weights.momentum, weights.velocity}) {
          __builtin_prefetch(array + at + weights.nextBlock, 1, 2);
        }
      }
      const auto updated = stepAt(d, step, sums[v], weights.value + at, weights.momentum + at,
                                  weights.velocity + at);
      hn::StoreU(updated, d, copy + feature * kBlockUnits + unit + v * lanes);
    }
  }
}

HWY_ATTR void addProduct(const SparseBlock& block, const float* weights, std::size_t units,
                         float* output, std::size_t outputStride) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 1> single;
  const std::size_t lanes = hn::Lanes(whole);
  std::size_t at = 0;
  for (; at + kSums * lanes <= units; at += kSums * lanes) {
    addProductAt<kSums>(whole, block, weights + at, output + at, outputStride);
  }
  for (; at + lanes <= units; at += lanes) {
    addProductAt<1>(whole, block, weights + at, output + at, outputStride);
  }
  for (; at < units; ++at) {
    addProductAt<1>(single, block, weights + at, output + at, outputStride);
  }
}

HWY_ATTR void stepBlock(const SparseBlock& block, const float* gradient, const AdamStep& step,
                        const BlockWeights& weights, float* copy) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 1> single;
  const std::size_t lanes = hn::Lanes(whole);
  std::size_t at = 0;
  for (; at + kSums * lanes <= weights.units; at += kSums * lanes) {
    stepUnits<kSums>(whole, block, gradient, step, weights, at, copy);
  }
  for (; at + lanes <= weights.units; at += lanes) {
    stepUnits<1>(whole, block, gradient, step, weights, at, copy);
  }
  for (; at < weights.units; ++at) {
    stepUnits<1>(single, block, gradient, step, weights, at, copy);
  }
}

HWY_ATTR std::uint64_t markNonzero(const float* values, std::size_t count) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t kBytes = (hn::MaxLanes(d) + 7) / 8;  // of a vector's marks
  const std::size_t lanes = hn::Lanes(d);
  std::uint64_t marks = 0;
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    // Not Ne, which does not hold for what is not a number.
    std::array<std::uint8_t, 8> bits = {};
    hn::StoreMaskBits(d, hn::Not(hn::Eq(hn::LoadU(d, values + i), hn::Zero(d))), bits.data());
    std::uint64_t some = 0;
    std::memcpy(&some, bits.data(), kBytes);
    marks |= some << i;
  }
  for (; i < count; ++i) marks |= static_cast<std::uint64_t>(values[i] != 0) << i;
  return marks;
}

const SparseKernel kSparseKernel = {hwy::TargetName(HWY_TARGET), markNonzero, addProduct,
                                    stepBlock};

}  // namespace lungcls::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lungcls::dense {
namespace {

std::vector<SparseKernel> findKernels() {
  std::vector<SparseKernel> found;
#if HWY_TARGETS & HWY_AVX3
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    found.push_back(N_AVX3::kSparseKernel);
  }
#endif
#if HWY_TARGETS & HWY_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
    found.push_back(N_AVX2::kSparseKernel);
  }
#endif
#if HWY_TARGETS & HWY_SSE4
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2")) {
    found.push_back(N_SSE4::kSparseKernel);
  }
#endif
#if HWY_TARGETS & HWY_NEON
  found.push_back(N_NEON::kSparseKernel);
#endif
#if HWY_TARGETS & HWY_EMU128
  found.push_back(N_EMU128::kSparseKernel);
#endif
  return found;
}

}  // namespace

std::span<const SparseKernel> supportedSparseKernels() {
  static const std::vector<SparseKernel> kFound = findKernels();
  return kFound;
}

}  // namespace lungcls::dense

#endif  // HWY_ONCE
