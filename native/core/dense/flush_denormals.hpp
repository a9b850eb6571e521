// While one lives, its thread takes numbers below float32's normal range for zero, as TensorFlow's
// threads do: moments of rarely active features decay into that range, where x86 computes in
// microcode.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace lungcls::dense {

class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kFlushToZero | kZeroInputs); }
  ~FlushDenormals() { _mm_setcsr(before_); }
#else
  FlushDenormals() = default;
  ~FlushDenormals() = default;
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__SSE2__)
  static constexpr unsigned kFlushToZero = 0x8000;
  static constexpr unsigned kZeroInputs = 0x0040;
  const unsigned before_;
#endif
};

}  // namespace lungcls::dense
