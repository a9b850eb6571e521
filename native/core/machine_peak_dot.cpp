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

// As many chains as in machine_peak_kernels.cpp.
constexpr std::size_t kWideChains = 20;
constexpr std::size_t kChains = 12;
constexpr double kOperationsPerByte = 2;

__attribute__((target("avx512f,avx512vnni"))) std::uint64_t vnniWide(std::size_t steps,
                                                                     std::int32_t seed) {
  const __m512i bytes = _mm512_set1_epi8(static_cast<char>(seed));
  __m512i sums[kWideChains];
  for (auto& sum : sums) sum = _mm512_set1_epi32(seed);
  for (std::size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 20
    for (auto& sum : sums) sum = _mm512_dpbusd_epi32(sum, bytes, bytes);
  }
  for (std::size_t i = 1; i < kWideChains; ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0])));
}

// One operand is hidden from the compiler at each use: it would make their product once.
__attribute__((target("avx2"))) std::uint64_t avx2Pairs(std::size_t steps, std::int32_t seed) {
  __m256i bytes = _mm256_set1_epi8(static_cast<char>(seed));
  const __m256i others = bytes;
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[kChains];
  for (auto& sum : sums) sum = _mm256_set1_epi32(seed);
  for (std::size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      __asm__ volatile("" : "+x"(bytes));
      const __m256i pairs = _mm256_maddubs_epi16(bytes, others);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
  }
  for (std::size_t i = 1; i < kChains; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
}

__attribute__((target("avx2,avxvnni"))) std::uint64_t vnni(std::size_t steps, std::int32_t seed) {
  const __m256i bytes = _mm256_set1_epi8(static_cast<char>(seed));
  __m256i sums[kChains];
  for (auto& sum : sums) sum = _mm256_set1_epi32(seed);
  for (std::size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, bytes, bytes);
  }
  for (std::size_t i = 1; i < kChains; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
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

constexpr ArithmeticKernel kVnniWide = {"avx512-vnni", kOperationsPerByte * 64 * kWideChains,
                                        vnniWide};
constexpr ArithmeticKernel kVnni = {"avx-vnni", kOperationsPerByte * 32 * kChains, vnni};
constexpr ArithmeticKernel kAvx2 = {"avx2 (no VNNI)", kOperationsPerByte * 32 * kChains, avx2Pairs};

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
