// Scalar products of whole numbers: exact, so that every CPU finds the same neighbours.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lungcls::registration {

// The sum must fit into 32 bits.
inline std::int32_t dot(const std::int16_t* a, const std::int16_t* b, std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

}  // namespace lungcls::registration
