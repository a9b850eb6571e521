#include "half.hpp"

#include <bit>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace lungcls {
namespace scalar {
namespace {

// IEEE 754: a float has 8 exponent bits (bias 127) and 23 fraction bits, a half 5 (bias 15) and 10.
constexpr int kFractionShift = 23 - 10;
constexpr std::uint32_t kFloatInfinity = 0x7F800000;
constexpr std::uint32_t kHalfInfinity = 0x7C00;
constexpr std::uint32_t kQuietBit = 0x0200;
constexpr std::uint32_t kHalfOverflow = 0x477FF000;   // 65520: from here on rounding gives infinity
constexpr std::uint32_t kHalfMinNormal = 0x38800000;  // 2^-14

std::uint16_t toHalf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000;
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > kFloatInfinity) {
    return static_cast<std::uint16_t>(sign | kHalfInfinity | kQuietBit |
                                      ((magnitude >> kFractionShift) & 0x03FF));
  }
  if (magnitude >= kHalfOverflow) return static_cast<std::uint16_t>(sign | kHalfInfinity);
  if (magnitude >= kHalfMinNormal) {
    const std::uint32_t odd = (magnitude >> kFractionShift) & 1;
    const std::uint32_t rebiased = magnitude - ((127U - 15U) << 23);
    return static_cast<std::uint16_t>(sign | ((rebiased + 0x0FFF + odd) >> kFractionShift));
  }
  // Subnormal halves count in units of 2^-24; adding 0.5 to a float aligns its last bit with that
  // unit, so that the addition itself rounds to nearest even.
  const float aligned = std::bit_cast<float>(magnitude) + 0.5F;
  return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(aligned) - 0x3F000000));
}

float toFloat(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t magnitude = half & 0x7FFFU;
  if (magnitude >= kHalfInfinity) {
    const std::uint32_t quiet = magnitude > kHalfInfinity ? 0x00400000U : 0U;
    return std::bit_cast<float>(sign | kFloatInfinity | quiet |
                                ((magnitude & 0x03FF) << kFractionShift));
  }
  if (magnitude >= 0x0400) {
    return std::bit_cast<float>(sign | ((magnitude << kFractionShift) + ((127U - 15U) << 23)));
  }
  const float value = static_cast<float>(magnitude) * 0x1p-24F;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

}  // namespace

void floatToHalf(const float* from, std::uint16_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = toHalf(from[i]);
}

void halfToFloat(const std::uint16_t* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = toFloat(from[i]);
}

}  // namespace scalar

#if defined(__x86_64__)
namespace {

// F16C works on 256-bit registers: the CPU has to have it, the system has to keep them (which the
// test for AVX includes). Clang before version 19 cannot ask for F16C by name.
bool hasF16c() {
  static const bool has = [] {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __builtin_cpu_supports("avx") != 0 && __get_cpuid(1, &a, &b, &c, &d) != 0 &&
           (c & bit_F16C) != 0;
  }();
  return has;
}

__attribute__((target("avx,f16c"))) std::size_t floatToHalfF16c(const float* from,
                                                                std::uint16_t* to,
                                                                std::size_t count) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), halves);
  }
  return i;
}

__attribute__((target("avx,f16c"))) std::size_t halfToFloatF16c(const std::uint16_t* from,
                                                                float* to, std::size_t count) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(halves));
  }
  return i;
}

}  // namespace
#endif

void floatToHalf(const float* from, std::uint16_t* to, std::size_t count) {
  std::size_t done = 0;
#if defined(__x86_64__)
  if (hasF16c()) done = floatToHalfF16c(from, to, count);
#endif
  scalar::floatToHalf(from + done, to + done, count - done);
}

void halfToFloat(const std::uint16_t* from, float* to, std::size_t count) {
  std::size_t done = 0;
#if defined(__x86_64__)
  if (hasF16c()) done = halfToFloatF16c(from, to, count);
#endif
  scalar::halfToFloat(from + done, to + done, count - done);
}

}  // namespace lungcls
