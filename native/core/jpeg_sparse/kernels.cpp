#include "kernels.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

// Highway compiles this file once for each target (CPU kind). Its run-time part is not used, so
// that nothing of Highway needs to be linked: the choice is made below.
#define HWY_COMPILE_ALL_ATTAINABLE
// The portable target falls victim to a vectorising bug of GCC below 12.3 (its bug 106322), for
// which Highway shuns it; this file is compiled without automatic vectorisation instead.
#define HWY_BROKEN_EMU128 0
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels.cpp"
#include <hwy/foreach_target.h>  // NOLINT: includes this file again
#include <hwy/highway.h>

#include "kernels_pairs-inl.hpp"  // first: the others need it

#include "kernels_idct-inl.hpp"
#include "kernels_rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace lungcls::jpeg_sparse::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3
constexpr const char* kName = "avx512";
#elif HWY_TARGET == HWY_AVX2
constexpr const char* kName = "avx2";
#elif HWY_TARGET == HWY_SSE4
constexpr const char* kName = "sse4";
#elif HWY_TARGET == HWY_NEON
constexpr const char* kName = "neon";
#else
constexpr const char* kName = "scalar";
#endif

const Kernels kKernels = {kName,        inverseDct, gather,     pickChroma, colourPlanes,
                          colourPixels, greyPixels, mixColumns, mixRows};

}  // namespace lungcls::jpeg_sparse::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lungcls::jpeg_sparse {
namespace {

std::vector<const Kernels*> findKernels() {
  std::vector<const Kernels*> found;
#if HWY_TARGETS & HWY_AVX3
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    found.push_back(&N_AVX3::kKernels);
  }
#endif
#if HWY_TARGETS & HWY_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
    found.push_back(&N_AVX2::kKernels);
  }
#endif
#if HWY_TARGETS & HWY_SSE4
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2")) {
    found.push_back(&N_SSE4::kKernels);
  }
#endif
#if HWY_TARGETS & HWY_NEON
  found.push_back(&N_NEON::kKernels);
#endif
#if HWY_TARGETS & HWY_EMU128
  found.push_back(&N_EMU128::kKernels);
#endif
  return found;
}

std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

std::span<const Kernels* const> supportedKernels() {
  static const std::vector<const Kernels*> kFound = findKernels();
  return kFound;
}

const Kernels& chosenKernels() {
  const Kernels* kernels = chosen.load(std::memory_order_relaxed);
  return kernels == nullptr ? *supportedKernels().front() : *kernels;
}

bool chooseKernels(std::string_view name) {
  for (const Kernels* kernels : supportedKernels()) {
    if (name == kernels->name) {
      chosen.store(kernels, std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

}  // namespace lungcls::jpeg_sparse

#endif  // HWY_ONCE
