// The inner loops of machine_peak.hpp, compiled once for each kind of CPU.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lungcls::peak {

// Memory is aligned to 64 bytes, and its bytes are a multiple of kStride.
constexpr std::size_t kStride = 1024;

// What a loop gives back depends on all that it did, so that no compiler leaves any of it out.
struct MemoryKernels {
  std::uint64_t (*read)(const std::uint8_t* from, std::size_t bytes);
  // Past the caches where the CPU can, so that lines are not read before they are overwritten.
  void (*copy)(const std::uint8_t* from, std::uint8_t* to, std::size_t bytes);
};

// Independent multiplications with additions, as many at a time as keep every unit busy.
struct ArithmeticKernel {
  const char* name = nullptr;
  double operationsPerStep = 0;  // a multiplication and an addition are two
  std::uint64_t (*run)(std::size_t steps, std::int32_t seed) = nullptr;
};

struct Kernels {
  MemoryKernels memory;
  ArithmeticKernel multiplyAdd;  // float32
};

// The best that this machine can run.
const Kernels& kernels();

// Products of 8-bit numbers summed in 32 bits; null where the CPU has no instructions for it.
const ArithmeticKernel* dotKernel();

}  // namespace lungcls::peak
