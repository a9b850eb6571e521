// Apart from the kernels because Highway has no name for this instruction.
#include "gather.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace lungcls::jpeg_sparse {

#if defined(__x86_64__) && defined(__GNUC__)

bool hasWideGather() {
  return __builtin_cpu_supports("avx512vbmi") != 0;
}

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void gatherWide(const Gather& gather,
                                                                       const std::uint8_t* from,
                                                                       std::uint8_t* to) {
  const std::uint8_t* shuffle = gather.wideShuffles.data();
  for (const std::int32_t base : gather.wideBases) {
    const __m512i low = _mm512_loadu_si512(from + base);
    const __m512i high = _mm512_loadu_si512(from + base + 64);
    const __m512i index = _mm512_loadu_si512(shuffle);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi8(low, index, high));
    shuffle += Gather::kWideGroup;
    to += Gather::kWideGroup;
  }
}

#else

bool hasWideGather() {
  return false;
}
void gatherWide(const Gather&, const std::uint8_t*, std::uint8_t*) {}

#endif

}  // namespace lungcls::jpeg_sparse
