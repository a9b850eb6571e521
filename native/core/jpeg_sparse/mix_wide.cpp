// Apart from the kernels because Highway has no name for this instruction.
#include "mix_wide.hpp"

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace lungcls::jpeg_sparse {

namespace {

constexpr std::size_t kGroup = WideMix::kGroup;
using Positions = std::span<const std::int32_t>;

// The first byte of the window of each group of outputs; none if one of them is too far apart.
std::vector<std::int32_t> makeBases(Positions first, Positions second) {
  std::vector<std::int32_t> bases;
  for (std::size_t begin = 0; begin < first.size(); begin += kGroup) {
    const std::size_t count = std::min(kGroup, first.size() - begin);
    const auto one = std::ranges::minmax(first.subspan(begin, count));
    const auto other = std::ranges::minmax(second.subspan(begin, count));
    const std::int32_t base = std::min(one.min, other.min);
    if (std::max(one.max, other.max) - base >= WideMix::kWindow) return {};
    bases.push_back(base);
  }
  return bases;
}

}  // namespace

WideMix makeWideMix(Positions left, Positions right, std::span<const std::int16_t> leftWeights,
                    std::span<const std::int16_t> rightWeights) {
  WideMix mix{.bases = makeBases(left, right), .shuffles = {}, .weights = {}};
  if (mix.bases.empty()) return mix;
  mix.shuffles.assign(mix.bases.size() * kGroup * 4, 0);
  mix.weights.assign(mix.bases.size() * kGroup * 2, 0);
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::int32_t base = mix.bases[i / kGroup];
    // Packing takes four lanes of one half and four of the other in turns.
    const std::size_t half = i / 4 % 2;
    const std::size_t lane = i % kGroup / 8 * 4 + i % 4;
    const std::size_t at = i / kGroup * kGroup + half * WideMix::kHalf + lane;
    mix.shuffles[4 * at] = static_cast<std::uint8_t>(left[i] - base);
    mix.shuffles[4 * at + 2] = static_cast<std::uint8_t>(right[i] - base);
    mix.weights[2 * at] = leftWeights[i];
    mix.weights[2 * at + 1] = rightWeights[i];
  }
  return mix;
}

WidePairs makeWidePairs(Positions first, Positions second) {
  WidePairs pairs{.bases = makeBases(first, second), .shuffles = {}};
  if (pairs.bases.empty()) return pairs;
  pairs.shuffles.assign(pairs.bases.size() * kGroup * 2, 0);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::int32_t base = pairs.bases[i / kGroup];
    pairs.shuffles[2 * i] = static_cast<std::uint8_t>(first[i] - base);
    pairs.shuffles[2 * i + 1] = static_cast<std::uint8_t>(second[i] - base);
  }
  return pairs;
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
      const __m512i pairs =
          _mm512_maskz_permutex2var_epi8(kEvenBytes, low, _mm512_loadu_si512(shuffle), high);
      const __m512i sums = _mm512_madd_epi16(pairs, _mm512_loadu_si512(weights));
      half = _mm512_sra_epi32(sums, count);
      shuffle += 4 * WideMix::kHalf;
      weights += 2 * WideMix::kHalf;
    }
    _mm512_storeu_si512(to, _mm512_packs_epi32(halves[0], halves[1]));
    to += WideMix::kGroup;
  }
}

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void mixPairsWide(const WidePairs& pairs,
                                                                         const std::uint8_t* row,
                                                                         int firstWeight,
                                                                         int secondWeight,
                                                                         std::uint16_t* to) {
  const __m512i weights = _mm512_set1_epi16(static_cast<short>(firstWeight | secondWeight << 8));
  const std::uint8_t* shuffle = pairs.shuffles.data();
  for (const std::int32_t base : pairs.bases) {
    const __m512i low = _mm512_loadu_si512(row + base);
    const __m512i high = _mm512_loadu_si512(row + base + 64);
    const __m512i both = _mm512_permutex2var_epi8(low, _mm512_loadu_si512(shuffle), high);
    _mm512_storeu_si512(to, _mm512_maddubs_epi16(both, weights));
    shuffle += 2 * WideMix::kGroup;
    to += WideMix::kGroup;
  }
}

#else

void mixColumnsWide(const WideMix&, const std::uint8_t*, int, std::int16_t*) {}
void mixPairsWide(const WidePairs&, const std::uint8_t*, int, int, std::uint16_t*) {}

#endif

}  // namespace lungcls::jpeg_sparse
