#include "cuda_host.hpp"

#include <dlfcn.h>

#include <map>
#include <mutex>
#include <utility>

namespace lungcls {
namespace {

// What is used of the CUDA Driver API, declared after its reference manual (docs.nvidia.com,
// "CUDA Driver API": Initialization, Device Management, Primary Context Management, Context
// Management, Memory Management, Error Handling). The _v2 names are those that cuda.h maps the
// plain ones to.
using CuResult = int;  // an enumeration; 0 is CUDA_SUCCESS
using CuDevice = int;
using CuContext = void*;
constexpr CuResult kSuccess = 0;
constexpr unsigned int kPortable = 0x01;  // CU_MEMHOSTREGISTER_PORTABLE

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

}  // namespace lungcls
