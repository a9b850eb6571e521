// What this machine can do at most: the floors that a benchmark's figures are held against.
#pragma once

#include <cstddef>
#include <string>

namespace lungcls {

// Rates of all threads together, each the best of a few tries.
struct MachinePeak {
  double readGBs = 0;     // 10^9 bytes a second read from memory
  double copyGBs = 0;     // read and written, counted both, as STREAM counts them
  double fp32Gflops = 0;  // 10^9 a second; a multiplication with an addition is two
  double int8Gops = 0;    // likewise, 8-bit products summed in 32 bits; 0 where none can be had
  std::string fp32Code;   // the vector code that did it
  std::string int8Code;   // empty where none can be had
};

// Measures each for `seconds`, on threads of its own, and returns once all is done. Reads and
// copies `memoryBytes` of memory; by default twice what the caches hold, 128 to 512 MiB. Throws
// std::bad_alloc and std::system_error.
MachinePeak measureMachinePeak(std::size_t threads, double seconds, std::size_t memoryBytes = 0);

}  // namespace lungcls
