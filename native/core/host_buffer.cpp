#include "host_buffer.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include "cuda_host.hpp"

namespace lungcls {
namespace {

std::atomic<std::int64_t> heldBytes{0};

// Scratch grows by whole pages and begins at a cache line.
constexpr std::size_t kPage = 4096;
constexpr std::size_t kLine = 64;

std::size_t roundUp(std::size_t bytes, std::size_t alignment) {
  if (bytes > SIZE_MAX - alignment) throw std::bad_alloc();
  return (bytes + alignment - 1) / alignment * alignment;
}

std::uint8_t* alignedAlloc(std::size_t alignment, std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  heldBytes.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  return static_cast<std::uint8_t*>(memory);
}

void alignedFree(std::uint8_t* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  std::free(memory);
  heldBytes.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
}

}  // namespace

std::int64_t nativeBytes() {
  return heldBytes.load(std::memory_order_relaxed);
}

PinningService pinningBy(const std::string& cudaLibrary) {
  PinningService service;
  if (cudaLibrary.empty()) {
    service.reason = "page-locking is switched off";
  } else {
    service.cuda = CudaHost::shared(cudaLibrary, service.reason);
  }
  return service;
}

std::shared_ptr<HostBuffer> HostBuffer::allocate(std::size_t bytes, const PinningService& pinning) {
  return std::shared_ptr<HostBuffer>(new HostBuffer(bytes, pinning));
}

HostBuffer::HostBuffer(std::size_t bytes, const PinningService& pinning)
    : mapping_(bytes), memory_{MemoryKind::Plain, pinning.reason} {
  // Locked where it stands rather than allocated by the driver: without the driver, or when it
  // refuses, the same memory does.
  if (pinning.cuda != nullptr && pinning.cuda->lock(data(), size(), memory_.reason)) {
    cuda_ = pinning.cuda;
    memory_ = {MemoryKind::Pinned, ""};
  } else if (mapping_.huge()) {
    memory_.kind = MemoryKind::Huge;
  } else {
    memory_.reason += "; " + mapping_.plainReason();
  }
  heldBytes.fetch_add(static_cast<std::int64_t>(size()), std::memory_order_relaxed);
}

HostBuffer::~HostBuffer() {
  if (cuda_ != nullptr) cuda_->unlock(data());
  heldBytes.fetch_sub(static_cast<std::int64_t>(size()), std::memory_order_relaxed);
}

std::uint8_t* ScratchBuffer::reserve(std::size_t bytes) {
  if (bytes > capacity_ || data_ == nullptr) {
    const std::size_t size = roundUp(bytes == 0 ? 1 : bytes, kPage);
    reset();
    data_ = alignedAlloc(kLine, size);
    capacity_ = size;
  }
  return data_;
}

void ScratchBuffer::reset() {
  alignedFree(data_, capacity_);
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace lungcls
