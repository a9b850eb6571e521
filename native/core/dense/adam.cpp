#include "adam.hpp"

#include <cmath>
#include <vector>

// As in ../jpeg_sparse/kernels.cpp: Highway compiles this file once for each target, the choice is
// made below, and nothing of Highway needs to be linked.
#define HWY_COMPILE_ALL_ATTAINABLE
#define HWY_BROKEN_EMU128 0
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adam.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lungcls::dense::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Compiled such that no multiplication and addition are fused (see CMakeLists.txt).
template <class D>
HWY_INLINE void applyAt(D d, const AdamStep& step, std::size_t i, const float* gradient,
                        float* value, float* momentum, float* velocity) {
  const auto g = hn::LoadU(d, gradient + i);
  const auto m0 = hn::LoadU(d, momentum + i);
  const auto v0 = hn::LoadU(d, velocity + i);
  const auto m = hn::Add(m0, hn::Mul(hn::Sub(g, m0), hn::Set(d, step.oneMinusBeta1)));
  const auto v = hn::Add(v0, hn::Mul(hn::Sub(hn::Mul(g, g), v0), hn::Set(d, step.oneMinusBeta2)));
  const auto change =
      hn::Div(hn::Mul(m, hn::Set(d, step.alpha)), hn::Add(hn::Sqrt(v), hn::Set(d, step.epsilon)));
  hn::StoreU(m, d, momentum + i);
  hn::StoreU(v, d, velocity + i);
  hn::StoreU(hn::Sub(hn::LoadU(d, value + i), change), d, value + i);
}

HWY_ATTR void applyAdam(const AdamStep& step, std::size_t count, const float* gradient,
                        float* value, float* momentum, float* velocity) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 1> single;
  const std::size_t lanes = hn::Lanes(whole);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    applyAt(whole, step, i, gradient, value, momentum, velocity);
  }
  for (; i < count; ++i) applyAt(single, step, i, gradient, value, momentum, velocity);
}

const AdamKernel kAdamKernel = {hwy::TargetName(HWY_TARGET), applyAdam};

}  // namespace lungcls::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lungcls::dense {
namespace {

std::vector<AdamKernel> findKernels() {
  std::vector<AdamKernel> found;
#if HWY_TARGETS & HWY_AVX3
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    found.push_back(N_AVX3::kAdamKernel);
  }
#endif
#if HWY_TARGETS & HWY_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
    found.push_back(N_AVX2::kAdamKernel);
  }
#endif
#if HWY_TARGETS & HWY_SSE4
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2")) {
    found.push_back(N_SSE4::kAdamKernel);
  }
#endif
#if HWY_TARGETS & HWY_NEON
  found.push_back(N_NEON::kAdamKernel);
#endif
#if HWY_TARGETS & HWY_EMU128
  found.push_back(N_EMU128::kAdamKernel);
#endif
  return found;
}

}  // namespace

std::span<const AdamKernel> supportedAdamKernels() {
  static const std::vector<AdamKernel> kFound = findKernels();
  return kFound;
}

}  // namespace lungcls::dense

#endif  // HWY_ONCE
