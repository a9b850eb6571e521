// Buffers: what they are made of, with a CUDA driver (a fake one), without, and where it fails.
#include <dlfcn.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/cuda_host.hpp"
#include "core/host_buffer.hpp"

using lungcls::CudaHost;
using lungcls::HostBuffer;
using lungcls::MemoryKind;
using lungcls::PinningService;

namespace {

constexpr std::size_t kLarge = 5'000'000;  // more than a huge page

// The fake driver's own controls, beside those of CUDA.
class FakeCuda {
 public:
  explicit FakeCuda(const char* failing) : library_(dlopen(LUNGCLS_FAKE_CUDA, RTLD_NOW)) {
    CHECK(library_ != nullptr);
    reinterpret_cast<void (*)(const char*)>(dlsym(library_, "fakeCudaFail"))(failing);
  }
  FakeCuda(const FakeCuda&) = delete;
  FakeCuda& operator=(const FakeCuda&) = delete;
  ~FakeCuda() { dlclose(library_); }

  [[nodiscard]] int count(const char* what) const {
    const std::string name = std::string("fakeCuda") + what;
    return reinterpret_cast<int (*)()>(dlsym(library_, name.c_str()))();
  }

 private:
  void* library_;
};

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

bool hugePagesAllowed() {
  std::string enabled;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), enabled);
  return contains(enabled, "[always]") || contains(enabled, "[madvise]");
}

PinningService openFake() {
  PinningService service;
  service.cuda = CudaHost::open(LUNGCLS_FAKE_CUDA, service.reason);
  return service;
}

}  // namespace

TEST("buffers: what is allocated is given back") {
  const std::int64_t before = lungcls::nativeBytes();
  {
    const auto buffer = HostBuffer::allocate(100'000);
    CHECK(lungcls::nativeBytes() >= before + 100'000);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer->data()) % 4096 == 0);
    lungcls::ScratchBuffer scratch;
    scratch.reserve(10);
    scratch.reserve(1'000'000);
    scratch.shrink(2'000'000);
    CHECK(scratch.data() != nullptr);
    scratch.shrink(10);
    CHECK(scratch.data() == nullptr);
  }
  CHECK(lungcls::nativeBytes() == before);
}

TEST("buffers: without a driver, huge pages where they are allowed, else plain, and why") {
  const auto large = HostBuffer::allocate(kLarge, lungcls::pinningBy("/nowhere/libcuda.so.1"));
  CHECK(contains(large->memory().reason, "no CUDA driver"));
  CHECK(contains(large->memory().reason, "/nowhere/libcuda.so.1"));
  const std::vector<std::uint8_t> zeros(large->size());
  CHECK(std::memcmp(large->data(), zeros.data(), large->size()) == 0);
  std::memset(large->data(), 0xA5, large->size());
  if (hugePagesAllowed()) {
    CHECK(large->memory().kind == MemoryKind::Huge);
    CHECK(reinterpret_cast<std::uintptr_t>(large->data()) % (2U << 20) == 0);
  } else {
    CHECK(large->memory().kind == MemoryKind::Plain);
    CHECK(contains(large->memory().reason, "huge pages"));
  }
  const auto small = HostBuffer::allocate(1000, lungcls::pinningBy(""));
  CHECK(small->memory().kind == MemoryKind::Plain);
  CHECK(contains(small->memory().reason, "switched off"));
}

TEST("buffers: a driver page-locks them, and each is unlocked once") {
  const FakeCuda fake("");
  {
    const PinningService pinning = openFake();
    CHECK(pinning.cuda != nullptr);
    CHECK(fake.count("Retained") == 1);
    for (int i = 0; i < 3; ++i) {
      const auto buffer = HostBuffer::allocate(kLarge, pinning);
      CHECK(buffer->memory().kind == MemoryKind::Pinned);
      CHECK(buffer->memory().reason.empty());
      const auto shared = buffer;
      CHECK(fake.count("Registered") == i + 1);
      CHECK(fake.count("Unregistered") == i);
    }
    CHECK(fake.count("Released") == 0);
  }
  CHECK(fake.count("Registered") == 3);
  CHECK(fake.count("Unregistered") == 3);
  CHECK(fake.count("Pushed") == 6);
  CHECK(fake.count("Popped") == 6);
  CHECK(fake.count("Released") == 1);
}

TEST("buffers: a buffer keeps the driver that has locked it") {
  const FakeCuda fake("");
  auto pinning = openFake();
  auto buffer = HostBuffer::allocate(kLarge, pinning);
  pinning.cuda.reset();
  CHECK(fake.count("Released") == 0);
  buffer.reset();
  CHECK(fake.count("Unregistered") == 1);
  CHECK(fake.count("Released") == 1);
}

TEST("buffers: a driver that cannot be started leaves plain memory, and says why") {
  for (const char* call : {"cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain"}) {
    const FakeCuda fake(call);
    const PinningService pinning = openFake();
    CHECK(pinning.cuda == nullptr);
    CHECK(pinning.reason == std::string(call) + " failed: out of memory (2)");
    const auto buffer = HostBuffer::allocate(kLarge, pinning);
    CHECK(buffer->memory().kind != MemoryKind::Pinned);
    CHECK(contains(buffer->memory().reason, call));
    CHECK(fake.count("Registered") == 0);
    CHECK(fake.count("Retained") == fake.count("Released"));
  }
}

TEST("buffers: memory that the driver refuses to lock is used unlocked, and says why") {
  for (const char* call : {"cuCtxPushCurrent", "cuMemHostRegister"}) {
    const FakeCuda fake(call);
    {
      const PinningService pinning = openFake();
      const auto buffer = HostBuffer::allocate(kLarge, pinning);
      CHECK(buffer->memory().kind != MemoryKind::Pinned);
      CHECK(contains(buffer->memory().reason, (std::string(call) + " failed").c_str()));
      std::memset(buffer->data(), 1, buffer->size());
    }
    CHECK(fake.count("Unregistered") == 0);
    CHECK(fake.count("Pushed") == fake.count("Popped"));
    CHECK(fake.count("Released") == 1);
  }
}

TEST("copies to a GPU: both rates, and everything is given back") {
  const FakeCuda fake("");
  {
    std::string reason;
    const auto cuda = CudaHost::open(LUNGCLS_FAKE_CUDA, reason);
    lungcls::CopyRates rates;
    CHECK(cuda->measureCopies(kLarge, 0.003, rates, reason));
    CHECK(reason.empty());
    CHECK(rates.pinnedGBs > 0);
    CHECK(rates.pageableGBs > 0);
    CHECK(fake.count("Copied") >= 6);
  }
  CHECK(fake.count("Allocated") == 0);
  CHECK(fake.count("Registered") == 1);
  CHECK(fake.count("Unregistered") == 1);
  CHECK(fake.count("Pushed") == fake.count("Popped"));
  CHECK(fake.count("Released") == 1);
}

TEST("copies to a GPU: whatever fails is named, and everything is given back") {
  for (const char* call : {"cuMemHostRegister", "cuCtxPushCurrent", "cuMemAlloc", "cuMemcpyHtoD",
                           "cuCtxSynchronize"}) {
    const FakeCuda fake(call);
    {
      std::string reason;
      const auto cuda = CudaHost::open(LUNGCLS_FAKE_CUDA, reason);
      lungcls::CopyRates rates;
      CHECK(!cuda->measureCopies(kLarge, 0.003, rates, reason));
      CHECK(reason == std::string(call) + " failed: out of memory (2)");
    }
    CHECK(fake.count("Allocated") == 0);
    CHECK(fake.count("Registered") == fake.count("Unregistered"));
    CHECK(fake.count("Pushed") == fake.count("Popped"));
  }
}

TEST("buffers: a library that is no CUDA driver is told apart") {
  std::string reason;
  CHECK(CudaHost::open(LUNGCLS_NO_CUDA, reason) == nullptr);
  CHECK(reason == "the CUDA driver has no cuInit");
}

TEST("buffers: the process starts a driver once") {
  const FakeCuda fake("");
  const auto first = lungcls::pinningBy(LUNGCLS_FAKE_CUDA);
  const auto second = lungcls::pinningBy(LUNGCLS_FAKE_CUDA);
  CHECK(first.cuda != nullptr && first.cuda == second.cuda);
  CHECK(fake.count("Retained") == 1);
}
