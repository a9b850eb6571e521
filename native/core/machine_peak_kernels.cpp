#include "machine_peak_kernels.hpp"

#include <utility>

// As in jpeg_sparse/kernels.cpp: Highway compiles this file once for each target, the choice is
// made below, and nothing of Highway needs to be linked.
#define HWY_COMPILE_ALL_ATTAINABLE
#define HWY_BROKEN_EMU128 0
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/machine_peak_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // NOLINT: includes this file again
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lungcls::peak::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// More than latency times units of any CPU, and fewer than there are registers: 32 with AVX-512 and
// NEON, else 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
using Chains = std::make_index_sequence<20>;
#else
using Chains = std::make_index_sequence<12>;
#endif

using Sums = std::make_index_sequence<8>;

template <std::size_t... I>
HWY_INLINE std::uint64_t readIn(const std::uint8_t* from, std::size_t bytes,
                                std::index_sequence<I...> /*sums*/) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* words = reinterpret_cast<const std::uint64_t*>(from);
  const std::size_t count = bytes / sizeof(std::uint64_t);
  hn::Vec<decltype(d)> sums[] = {hn::Set(d, std::uint64_t{I})...};
  for (std::size_t i = 0; i < count; i += sizeof...(I) * lanes) {
    ((sums[I] = hn::Xor(sums[I], hn::Load(d, words + i + I * lanes))), ...);
  }
  for (std::size_t i = 1; i < sizeof...(I); ++i) sums[0] = hn::Xor(sums[0], sums[i]);
  HWY_ALIGN std::uint64_t rest[HWY_LANES(std::uint64_t)];
  hn::Store(sums[0], d, rest);
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < lanes; ++i) result ^= rest[i];
  return result;
}

HWY_ATTR std::uint64_t read(const std::uint8_t* from, std::size_t bytes) {
  return readIn(from, bytes, Sums());
}

HWY_ATTR void copy(const std::uint8_t* from, std::uint8_t* to, std::size_t bytes) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < bytes; i += 4 * lanes) {
    const auto a = hn::Load(d, from + i);
    const auto b = hn::Load(d, from + i + lanes);
    const auto c = hn::Load(d, from + i + 2 * lanes);
    const auto e = hn::Load(d, from + i + 3 * lanes);
    hn::Stream(a, d, to + i);
    hn::Stream(b, d, to + i + lanes);
    hn::Stream(c, d, to + i + 2 * lanes);
    hn::Stream(e, d, to + i + 3 * lanes);
  }
  hwy::FlushStream();
}

template <std::size_t... I>
HWY_INLINE std::uint64_t multiplyAddIn(std::size_t steps, std::int32_t seed,
                                       std::index_sequence<I...> /*chains*/) {
  const hn::ScalableTag<float> d;
  // Whatever the chains begin with, they tend to 1: no infinity, no denormal number.
  const auto factor = hn::Set(d, 0.999F * static_cast<float>(seed));
  const auto term = hn::Set(d, 0.001F * static_cast<float>(seed));
  hn::Vec<decltype(d)> sums[] = {hn::Set(d, static_cast<float>(I))...};
  for (std::size_t step = 0; step < steps; ++step) {
    ((sums[I] = hn::MulAdd(sums[I], factor, term)), ...);
  }
  for (std::size_t i = 1; i < sizeof...(I); ++i) sums[0] = hn::Add(sums[0], sums[i]);
  return static_cast<std::uint64_t>(hn::GetLane(hn::SumOfLanes(d, sums[0])));
}

HWY_ATTR std::uint64_t multiplyAdd(std::size_t steps, std::int32_t seed) {
  return multiplyAddIn(steps, seed, Chains());
}

const Kernels kKernels = {
    {read, copy},
    {hwy::TargetName(HWY_TARGET), 2.0 * static_cast<double>(Chains::size() * HWY_LANES(float)),
     multiplyAdd},
};

}  // namespace lungcls::peak::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lungcls::peak {
namespace {

const Kernels& findKernels() {
#if HWY_TARGETS & HWY_AVX3
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    return N_AVX3::kKernels;
  }
#endif
#if HWY_TARGETS & HWY_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
    return N_AVX2::kKernels;
  }
#endif
#if HWY_TARGETS & HWY_SSE4
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2")) {
    return N_SSE4::kKernels;
  }
#endif
#if HWY_TARGETS & HWY_NEON
  return N_NEON::kKernels;
#else
  return N_EMU128::kKernels;
#endif
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& found = findKernels();
  return found;
}

}  // namespace lungcls::peak

#endif  // HWY_ONCE
