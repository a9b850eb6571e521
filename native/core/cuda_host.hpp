// Page-locking of host memory by NVIDIA's driver, so that a GPU copies from it at full speed, and
// how fast that is. The driver is looked for at run time: nothing of NVIDIA's is needed to build,
// or to run without it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace lungcls {

// Of copies from host memory to the GPU: 10^9 bytes a second, each the best of a few tries.
struct CopyRates {
  double pinnedGBs = 0;    // from page-locked memory
  double pageableGBs = 0;  // from memory that is not
};

// The driver, with the first GPU's primary context held. Thread-safe.
class CudaHost {
 public:
  // Loads `library` (such as libcuda.so.1) and starts the driver. Null where that fails; `reason`
  // then says why.
  static std::shared_ptr<CudaHost> open(const std::string& library, std::string& reason);
  // The same, once a process for each name, and kept until it ends: starting the driver takes a
  // good part of a second, and contexts of several decoders are one.
  static std::shared_ptr<CudaHost> shared(const std::string& library, std::string& reason);

  CudaHost(const CudaHost&) = delete;
  CudaHost& operator=(const CudaHost&) = delete;
  // Gives the context back, and unloads the library.
  ~CudaHost();

  // Page-locks `bytes` at `memory` for every context of the process. False with `reason` on
  // failure.
  bool lock(void* memory, std::size_t bytes, std::string& reason);
  // Of what lock() took, once.
  void unlock(void* memory);

  // Copies `bytes` again and again for `seconds` each way, in the calling thread; takes so much
  // memory of the host and of the GPU meanwhile. False with `reason` on failure. Throws
  // std::bad_alloc.
  bool measureCopies(std::size_t bytes, double seconds, CopyRates& rates, std::string& reason);

 private:
  struct Driver;
  explicit CudaHost(std::unique_ptr<Driver> driver);

  std::unique_ptr<Driver> driver_;
};

}  // namespace lungcls
