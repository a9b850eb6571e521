#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plan.hpp"

namespace lungcls::jpeg_sparse {

// Plans of the geometries seen last. Most runs have one or a few.
class PlanCache {
 public:
  std::shared_ptr<const Plan> get(const Geometry& geometry);

 private:
  struct Slot {
    std::shared_ptr<const Plan> plan;
    std::uint64_t lastUse = 0;
  };
  std::vector<Slot> slots_;
  std::uint64_t uses_ = 0;
};

}  // namespace lungcls::jpeg_sparse
