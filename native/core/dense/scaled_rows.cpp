#include "scaled_rows.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <vector>

// As in adam.cpp: compiled once for each target, and chosen below.
#define HWY_COMPILE_ALL_ATTAINABLE
#define HWY_BROKEN_EMU128 0
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "scaled_rows.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lungcls::dense::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums held in registers at a time: AVX-512 and NEON have 32 of them, others 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr std::size_t kSums = 16;
#else
constexpr std::size_t kSums = 8;
#endif

// Elements `at` to `at` + kVectors vectors of the sum.
template <std::size_t kVectors, class D>
HWY_INLINE void sumAt(D d, const ScaledRows& terms, std::size_t at, bool add, float* sum) {
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<D> sums[kVectors];  // NOLINT(modernize-avoid-c-arrays): unrolled into registers
  for (std::size_t v = 0; v < kVectors; ++v) {
    sums[v] = add ? hn::LoadU(d, sum + at + v * lanes) : hn::Zero(d);
  }
  for (std::size_t word = 0; word < terms.words; ++word) {
    const float* rows = terms.rows + word * kMarks * terms.length + at;
    const float* factors = terms.factor + word * kMarks * terms.stride;
    for (std::uint64_t left = terms.marked[word]; left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      const auto factor = hn::Set(d, factors[i * terms.stride]);
      const float* row = rows + i * terms.length;
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[v] = hn::MulAdd(factor, hn::LoadU(d, row + v * lanes), sums[v]);
      }
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[v], d, sum + at + v * lanes);
}

HWY_ATTR void sumRows(const ScaledRows& terms, bool add, float* sum) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 1> single;
  const std::size_t lanes = hn::Lanes(whole);
  const std::size_t length = terms.length;
  std::size_t at = 0;
  for (; at + kSums * lanes <= length; at += kSums * lanes) {
    sumAt<kSums>(whole, terms, at, add, sum);
  }
  for (; at + 4 * lanes <= length; at += 4 * lanes) sumAt<4>(whole, terms, at, add, sum);
  for (; at + lanes <= length; at += lanes) sumAt<1>(whole, terms, at, add, sum);
  for (; at < length; ++at) sumAt<1>(single, terms, at, add, sum);
}

HWY_ATTR void markNonzero(const float* values, std::size_t count, std::uint64_t* marked) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t first = 0; first < count; first += kMarks) {
    const std::size_t end = count - first < kMarks ? count - first : kMarks;
    std::uint64_t word = 0;
    std::size_t i = 0;
    for (; i + lanes <= end; i += lanes) {
      std::array<std::uint8_t, 8> bits = {};
      hn::StoreMaskBits(d, hn::Ne(hn::LoadU(d, values + first + i), hn::Zero(d)), bits.data());
      std::uint64_t some = 0;
      std::memcpy(&some, bits.data(), sizeof(some));
      word |= (some & ((std::uint64_t{1} << lanes) - 1)) << i;
    }
    for (; i < end; ++i) word |= static_cast<std::uint64_t>(values[first + i] != 0) << i;
    marked[first / kMarks] = word;
  }
}

const ScaledRowsKernel kScaledRowsKernel = {hwy::TargetName(HWY_TARGET), sumRows, markNonzero};

}  // namespace lungcls::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lungcls::dense {
namespace {

std::vector<ScaledRowsKernel> findKernels() {
  std::vector<ScaledRowsKernel> found;
#if HWY_TARGETS & HWY_AVX3
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    found.push_back(N_AVX3::kScaledRowsKernel);
  }
#endif
#if HWY_TARGETS & HWY_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
    found.push_back(N_AVX2::kScaledRowsKernel);
  }
#endif
#if HWY_TARGETS & HWY_SSE4
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2")) {
    found.push_back(N_SSE4::kScaledRowsKernel);
  }
#endif
#if HWY_TARGETS & HWY_NEON
  found.push_back(N_NEON::kScaledRowsKernel);
#endif
#if HWY_TARGETS & HWY_EMU128
  found.push_back(N_EMU128::kScaledRowsKernel);
#endif
  return found;
}

}  // namespace

std::span<const ScaledRowsKernel> supportedScaledRowsKernels() {
  static const std::vector<ScaledRowsKernel> kFound = findKernels();
  return kFound;
}

}  // namespace lungcls::dense

#endif  // HWY_ONCE
