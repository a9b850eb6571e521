// Apart from the kernels because Highway has no name for this instruction.
#include "mix_wide.hpp"

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace lungcls::jpeg_sparse {

WideMix makeWideMix(std::span<const std::int32_t> left, std::span<const std::int32_t> right,
                    std::span<const std::int16_t> leftWeights,
                    std::span<const std::int16_t> rightWeights) {
  WideMix mix;
  const std::size_t groups = (left.size() + WideMix::kGroup - 1) / WideMix::kGroup;
  mix.shuffles.assign(groups * WideMix::kGroup * 4, 0);
  mix.weights.assign(groups * WideMix::kGroup * 2, 0);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t begin = group * WideMix::kGroup;
    const std::size_t count = std::min<std::size_t>(WideMix::kGroup, left.size() - begin);
    const auto [leftLow, leftHigh] = std::ranges::minmax(left.subspan(begin, count));
    const auto [rightLow, rightHigh] = std::ranges::minmax(right.subspan(begin, count));
    const std::int32_t base = std::min(leftLow, rightLow);
    if (std::max(leftHigh, rightHigh) - base >= WideMix::kWindow) return {};
    mix.bases.push_back(base);
    for (std::size_t i = begin; i < begin + count; ++i) {
      // Packing takes four lanes of one half and four of the other in turns.
      const std::size_t half = i / 4 % 2;
      const std::size_t lane = i % WideMix::kGroup / 8 * 4 + i % 4;
      const std::size_t at = begin + half * WideMix::kHalf + lane;
      mix.shuffles[4 * at] = static_cast<std::uint8_t>(left[i] - base);
      mix.shuffles[4 * at + 2] = static_cast<std::uint8_t>(right[i] - base);
      mix.weights[2 * at] = leftWeights[i];
      mix.weights[2 * at + 1] = rightWeights[i];
    }
  }
  return mix;
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void mixColumnsWide(const WideMix& mix,
                                                                           const std::uint8_t* row,
                                                                           int shift,
                                                                           std::int16_t* to) {
  constexpr __mmask64 kEvenBytes = 0x5555555555555555;
  const __m128i count = _mm_cvtsi32_si128(shift);
  const std::uint8_t* shuffle = mix.shuffles.data();
  const std::int16_t* weights = mix.weights.data();
  for (const std::int32_t base : mix.bases) {
    const __m512i low = _mm512_loadu_si512(row + base);
    const __m512i high = _mm512_loadu_si512(row + base + 64);
    __m512i halves[2];
    for (__m512i& half : halves) {
      const __m512i pairs = _mm512_maskz_permutex2var_epi8(
          kEvenBytes, low, _mm512_loadu_si512(shuffle), high);
      const __m512i sums = _mm512_madd_epi16(pairs, _mm512_loadu_si512(weights));
      half = _mm512_sra_epi32(sums, count);
      shuffle += 4 * WideMix::kHalf;
      weights += 2 * WideMix::kHalf;
    }
    _mm512_storeu_si512(to, _mm512_packs_epi32(halves[0], halves[1]));
    to += WideMix::kGroup;
  }
}

#else

void mixColumnsWide(const WideMix&, const std::uint8_t*, int, std::int16_t*) {}

#endif

}  // namespace lungcls::jpeg_sparse
