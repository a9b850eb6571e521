// Adam's formula on vectors, for files that Highway compiles once for each kind of CPU. They must
// be compiled such that no multiplication and addition are fused (see CMakeLists.txt).
#if defined(LUNGCLS_ADAM_INL) == defined(HWY_TARGET_TOGGLE)  // once for each target
#ifdef LUNGCLS_ADAM_INL
#undef LUNGCLS_ADAM_INL
#else
#define LUNGCLS_ADAM_INL
#endif

#include <hwy/highway.h>

#include "adam.hpp"

HWY_BEFORE_NAMESPACE();
namespace lungcls::dense::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One step of a vector of weights along their gradient; returns the new weights.
template <class D>
HWY_INLINE hn::Vec<D> stepAt(D d, const AdamStep& step, hn::Vec<D> g, float* value, float* momentum,
                             float* velocity) {
  const auto m0 = hn::LoadU(d, momentum);
  const auto v0 = hn::LoadU(d, velocity);
  const auto m = hn::Add(m0, hn::Mul(hn::Sub(g, m0), hn::Set(d, step.oneMinusBeta1)));
  const auto v = hn::Add(v0, hn::Mul(hn::Sub(hn::Mul(g, g), v0), hn::Set(d, step.oneMinusBeta2)));
  const auto change =
      hn::Div(hn::Mul(m, hn::Set(d, step.alpha)), hn::Add(hn::Sqrt(v), hn::Set(d, step.epsilon)));
  hn::StoreU(m, d, momentum);
  hn::StoreU(v, d, velocity);
  const auto w = hn::Sub(hn::LoadU(d, value), change);
  hn::StoreU(w, d, value);
  return w;
}

}  // namespace lungcls::dense::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
