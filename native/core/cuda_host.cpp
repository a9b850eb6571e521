#include "cuda_host.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "host_mapping.hpp"

namespace lungcls {
namespace {

// What is used of the CUDA Driver API, declared after its reference manual (docs.nvidia.com,
// "CUDA Driver API": Initialization, Device Management, Primary Context Management, Context
// Management, Memory Management, Error Handling). The _v2 names are those that cuda.h maps the
// plain ones to.
using CuResult = int;  // an enumeration; 0 is CUDA_SUCCESS
using CuDevice = int;
using CuContext = void*;
using CuDevicePointer = unsigned long long;
constexpr CuResult kSuccess = 0;
constexpr unsigned int kPortable = 0x01;  // CU_MEMHOSTREGISTER_PORTABLE
constexpr int kCopyTries = 3;

}  // namespace

struct CudaHost::Driver {
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver() {
    if (context != nullptr) primaryContextRelease(device);
    if (library != nullptr) dlclose(library);
  }

  void* library = nullptr;
  CuDevice device = 0;
  CuContext context = nullptr;

  CuResult (*init)(unsigned int flags) = nullptr;
  CuResult (*deviceGet)(CuDevice* device, int ordinal) = nullptr;
  CuResult (*primaryContextRetain)(CuContext* context, CuDevice device) = nullptr;
  CuResult (*primaryContextRelease)(CuDevice device) = nullptr;
  CuResult (*contextPush)(CuContext context) = nullptr;
  CuResult (*contextPop)(CuContext* context) = nullptr;
  CuResult (*memoryRegister)(void* memory, std::size_t bytes, unsigned int flags) = nullptr;
  CuResult (*memoryUnregister)(void* memory) = nullptr;
  CuResult (*errorString)(CuResult error, const char** text) = nullptr;

  // False with `reason` where the library lacks one of them.
  bool findAll(std::string& reason) {
    return find("cuInit", init, reason) && find("cuDeviceGet", deviceGet, reason) &&
           find("cuDevicePrimaryCtxRetain", primaryContextRetain, reason) &&
           find("cuDevicePrimaryCtxRelease_v2", primaryContextRelease, reason) &&
           find("cuCtxPushCurrent_v2", contextPush, reason) &&
           find("cuCtxPopCurrent_v2", contextPop, reason) &&
           find("cuMemHostRegister_v2", memoryRegister, reason) &&
           find("cuMemHostUnregister", memoryUnregister, reason) &&
           find("cuGetErrorString", errorString, reason);
  }

  // Only for copies: a driver that lacks one of them can still lock memory.
  CuResult (*deviceAllocate)(CuDevicePointer* memory, std::size_t bytes) = nullptr;
  CuResult (*deviceFree)(CuDevicePointer memory) = nullptr;
  CuResult (*copyToDevice)(CuDevicePointer to, const void* from, std::size_t bytes) = nullptr;
  CuResult (*synchronize)() = nullptr;

  bool findCopies(std::string& reason) {
    return find("cuMemAlloc_v2", deviceAllocate, reason) &&
           find("cuMemFree_v2", deviceFree, reason) &&
           find("cuMemcpyHtoD_v2", copyToDevice, reason) &&
           find("cuCtxSynchronize", synchronize, reason);
  }

  // Bytes a second of the best try; 0 with `reason` on failure. The context is current.
  double copyRate(CuDevicePointer to, const void* from, std::size_t bytes, double seconds,
                  std::string& reason) const {
    using Clock = std::chrono::steady_clock;
    double best = 0;
    for (int attempt = 0; attempt < kCopyTries; ++attempt) {
      const auto begin = Clock::now();
      std::size_t copied = 0;
      double taken = 0;
      do {
        // Of plain memory the copy may only have been begun when the call returns.
        if (!succeeded(copyToDevice(to, from, bytes), "cuMemcpyHtoD", reason) ||
            !succeeded(synchronize(), "cuCtxSynchronize", reason)) {
          return 0;
        }
        copied += bytes;
        taken = std::chrono::duration<double>(Clock::now() - begin).count();
      } while (taken < seconds / kCopyTries);
      best = std::max(best, static_cast<double>(copied) / taken);
    }
    return best;
  }

  // Whether `result` is success; else `reason` names the call and the driver's own words.
  bool succeeded(CuResult result, const char* call, std::string& reason) const {
    if (result == kSuccess) return true;
    const char* text = nullptr;
    if (errorString(result, &text) != kSuccess || text == nullptr) text = "unknown error";
    reason = std::string(call) + " failed: " + text + " (" + std::to_string(result) + ")";
    return false;
  }

 private:
  template <typename Function>
  bool find(const char* name, Function*& function, std::string& reason) {
    function = reinterpret_cast<Function*>(dlsym(library, name));
    if (function == nullptr) reason = std::string("the CUDA driver has no ") + name;
    return function != nullptr;
  }
};

std::shared_ptr<CudaHost> CudaHost::open(const std::string& library, std::string& reason) {
  auto driver = std::make_unique<Driver>();
  driver->library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (driver->library == nullptr) {
    const char* error = dlerror();
    reason = std::string("no CUDA driver: ") + (error != nullptr ? error : library);
    return nullptr;
  }
  const bool ready =
      driver->findAll(reason) && driver->succeeded(driver->init(0), "cuInit", reason) &&
      driver->succeeded(driver->deviceGet(&driver->device, 0), "cuDeviceGet", reason);
  if (!ready) return nullptr;
  CuContext context = nullptr;
  if (!driver->succeeded(driver->primaryContextRetain(&context, driver->device),
                         "cuDevicePrimaryCtxRetain", reason)) {
    return nullptr;
  }
  driver->context = context;
  return std::shared_ptr<CudaHost>(new CudaHost(std::move(driver)));
}

std::shared_ptr<CudaHost> CudaHost::shared(const std::string& library, std::string& reason) {
  struct Attempt {
    std::shared_ptr<CudaHost> host;
    std::string reason;
  };
  // Never destroyed: buffers may be given back while the process exits.
  static auto* mutex = new std::mutex;
  static auto* attempts = new std::map<std::string, Attempt>;
  const std::lock_guard lock(*mutex);
  auto [attempt, isNew] = attempts->try_emplace(library);
  if (isNew) attempt->second.host = open(library, attempt->second.reason);
  reason = attempt->second.reason;
  return attempt->second.host;
}

CudaHost::CudaHost(std::unique_ptr<Driver> driver) : driver_(std::move(driver)) {}

CudaHost::~CudaHost() = default;

bool CudaHost::lock(void* memory, std::size_t bytes, std::string& reason) {
  if (!driver_->succeeded(driver_->contextPush(driver_->context), "cuCtxPushCurrent", reason)) {
    return false;
  }
  const CuResult result = driver_->memoryRegister(memory, bytes, kPortable);
  CuContext popped = nullptr;
  driver_->contextPop(&popped);
  return driver_->succeeded(result, "cuMemHostRegister", reason);
}

void CudaHost::unlock(void* memory) {
  // A failure (the driver has been shut down with the process) leaves nothing to mend.
  if (driver_->contextPush(driver_->context) != kSuccess) return;
  driver_->memoryUnregister(memory);
  CuContext popped = nullptr;
  driver_->contextPop(&popped);
}

bool CudaHost::measureCopies(std::size_t bytes, double seconds, CopyRates& rates,
                             std::string& reason) {
  constexpr double kGiga = 1e9;
  Driver& driver = *driver_;
  if (!driver.findCopies(reason)) return false;
  const HostMapping plain(bytes);
  const HostMapping pinned(bytes);
  // So that the pages are there: what was never written reads as one page of zeros.
  std::memset(plain.data(), 1, bytes);
  if (!lock(pinned.data(), bytes, reason)) return false;
  bool fine = driver.succeeded(driver.contextPush(driver.context), "cuCtxPushCurrent", reason);
  if (fine) {
    CuDevicePointer device = 0;
    fine = driver.succeeded(driver.deviceAllocate(&device, bytes), "cuMemAlloc", reason);
    if (fine) {
      rates.pinnedGBs = driver.copyRate(device, pinned.data(), bytes, seconds, reason) / kGiga;
      fine = rates.pinnedGBs > 0;
      if (fine) {
        rates.pageableGBs = driver.copyRate(device, plain.data(), bytes, seconds, reason) / kGiga;
        fine = rates.pageableGBs > 0;
      }
      driver.deviceFree(device);
    }
    CuContext popped = nullptr;
    driver.contextPop(&popped);
  }
  unlock(pinned.data());
  return fine;
}

}  // namespace lungcls
