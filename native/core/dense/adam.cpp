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

#include "adam-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace lungcls::dense::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_ATTR void applyAdam(const AdamStep& step, std::size_t count, const float* gradient,
                        float* value, float* momentum, float* velocity) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 1> single;
  const std::size_t lanes = hn::Lanes(whole);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    stepAt(whole, step, hn::LoadU(whole, gradient + i), value + i, momentum + i, velocity + i);
  }
  for (; i < count; ++i) {
    stepAt(single, step, hn::LoadU(single, gradient + i), value + i, momentum + i, velocity + i);
  }
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
