#include "plan_cache.hpp"

#include <algorithm>

namespace lungcls::jpeg_sparse {
namespace {

constexpr std::size_t kMaxPlans = 8;

}  // namespace

std::shared_ptr<const Plan> PlanCache::get(const Geometry& geometry) {
  ++uses_;
  for (Slot& slot : slots_) {
    if (slot.plan->geometry == geometry) {
      slot.lastUse = uses_;
      return slot.plan;
    }
  }
  std::shared_ptr<const Plan> plan = makePlan(geometry);
  if (slots_.size() < kMaxPlans) {
    slots_.push_back({plan, uses_});
  } else {
    *std::ranges::min_element(slots_, {}, &Slot::lastUse) = {plan, uses_};
  }
  return plan;
}

}  // namespace lungcls::jpeg_sparse
