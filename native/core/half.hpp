// IEEE 754 half-precision floats, by the CPU's own instructions where it has them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lungcls {

// To the nearest half, ties to even; what is too large becomes infinity, NaN stays NaN.
void floatToHalf(const float* from, std::uint16_t* to, std::size_t count);
// Exact.
void halfToFloat(const std::uint16_t* from, float* to, std::size_t count);

namespace scalar {
// The portable versions, for CPUs without the instructions and for tests.
void floatToHalf(const float* from, std::uint16_t* to, std::size_t count);
void halfToFloat(const std::uint16_t* from, float* to, std::size_t count);
}  // namespace scalar

}  // namespace lungcls
