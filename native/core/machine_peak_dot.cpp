// Apart from the other kernels because this version of Highway has no name for these instructions.
#include <utility>

#include "machine_peak_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

namespace lungcls::peak {

#if defined(__x86_64__) && defined(__GNUC__)
namespace {

// More than latency times units of any CPU (5 times 2), and so few that no compiler runs out of
// registers: with 20 GCC and Clang stored sums in every step. Each begins with another number, or
// they are taken for one.
using Chains = std::make_index_sequence<12>;
constexpr double kOperationsPerByte = 2;

template <std::size_t... I>
__attribute__((target("avx512f,avx512vnni"))) std::uint64_t vnniWideIn(
    std::size_t steps, std::int32_t seed, std::index_sequence<I...> /*chains*/) {
  const __m512i bytes = _mm512_set1_epi8(static_cast<char>(seed));
  __m512i sums[sizeof...(I)];
  ((sums[I] = _mm512_set1_epi32(seed + static_cast<int>(I))), ...);
  for (std::size_t step = 0; step < steps; ++step) {
    ((sums[I] = _mm512_dpbusd_epi32(sums[I], bytes, bytes)), ...);
  }
  for (std::size_t i = 1; i < sizeof...(I); ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0])));
}

std::uint64_t vnniWide(std::size_t steps, std::int32_t seed) {
  return vnniWideIn(steps, seed, Chains());
}

// One operand is hidden from the compiler at each use: it would make their product once.
template <std::size_t... I>
__attribute__((target("avx2"))) std::uint64_t avx2PairsIn(std::size_t steps, std::int32_t seed,
                                                          std::index_sequence<I...> /*chains*/) {
  __m256i bytes = _mm256_set1_epi8(static_cast<char>(seed));
  const __m256i others = bytes;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[sizeof...(I)];
  ((sums[I] = _mm256_set1_epi32(seed + static_cast<int>(I))), ...);
  const auto add = [&](__m256i & sum) __attribute__((target("avx2"))) {
    __asm__ volatile("" : "+x"(bytes));
    const __m256i pairs = _mm256_maddubs_epi16(bytes, others);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
  };
  for (std::size_t step = 0; step < steps; ++step) (add(sums[I]), ...);
  for (std::size_t i = 1; i < sizeof...(I); ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
}

std::uint64_t avx2Pairs(std::size_t steps, std::int32_t seed) {
  return avx2PairsIn(steps, seed, Chains());
}

template <std::size_t... I>
__attribute__((target("avx2,avxvnni"))) std::uint64_t vnniIn(std::size_t steps, std::int32_t seed,
                                                             std::index_sequence<I...> /*chains*/) {
  const __m256i bytes = _mm256_set1_epi8(static_cast<char>(seed));
  __m256i sums[sizeof...(I)];
  ((sums[I] = _mm256_set1_epi32(seed + static_cast<int>(I))), ...);
  for (std::size_t step = 0; step < steps; ++step) {
    ((sums[I] = _mm256_dpbusd_avx_epi32(sums[I], bytes, bytes)), ...);
  }
  for (std::size_t i = 1; i < sizeof...(I); ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
}

std::uint64_t vnni(std::size_t steps, std::int32_t seed) {
  return vnniIn(steps, seed, Chains());
}

// Not every compiler can ask for AVX-VNNI by name: CPUID leaf 7, subleaf 1, EAX bit 4.
bool hasAvxVnni() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __builtin_cpu_supports("avx2") != 0 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 &&
         (a & (1U << 4)) != 0;
}

constexpr ArithmeticKernel kVnniWide = {"avx512-vnni", kOperationsPerByte * 64 * Chains::size(),
                                        vnniWide};
constexpr ArithmeticKernel kVnni = {"avx-vnni", kOperationsPerByte * 32 * Chains::size(), vnni};
constexpr ArithmeticKernel kAvx2 = {"avx2 (no VNNI)", kOperationsPerByte * 32 * Chains::size(),
                                    avx2Pairs};

}  // namespace

const ArithmeticKernel* dotKernel() {
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vnni") != 0) {
    return &kVnniWide;
  }
  if (hasAvxVnni()) return &kVnni;
  return __builtin_cpu_supports("avx2") != 0 ? &kAvx2 : nullptr;
}

#elif defined(__ARM_FEATURE_DOTPROD)
namespace {

constexpr std::size_t kChains = 20;

std::uint64_t neonDot(std::size_t steps, std::int32_t seed) {
  const int8x16_t bytes = vdupq_n_s8(static_cast<std::int8_t>(seed));
  int32x4_t sums[kChains];
  for (auto& sum : sums) sum = vdupq_n_s32(seed);
  for (std::size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 20
    for (auto& sum : sums) sum = vdotq_s32(sum, bytes, bytes);
  }
  for (std::size_t i = 1; i < kChains; ++i) sums[0] = vaddq_s32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(vaddvq_s32(sums[0]));
}

constexpr ArithmeticKernel kNeon = {"neon-dotprod", 2.0 * 16 * kChains, neonDot};

}  // namespace

const ArithmeticKernel* dotKernel() {
  return &kNeon;
}

#else

const ArithmeticKernel* dotKernel() {
  return nullptr;
}

#endif

}  // namespace lungcls::peak
