#include "host_buffer.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace lungcls {
namespace {

std::atomic<std::int64_t> heldBytes{0};

// A whole page for buffers that may be page-locked; a cache line for scratch.
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

// Mapped rather than allocated: page-aligned, zeroed by the system, and only there once written to.
std::shared_ptr<HostBuffer> HostBuffer::allocate(std::size_t bytes) {
  const std::size_t size = roundUp(bytes == 0 ? 1 : bytes, kPage);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  heldBytes.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
  return std::shared_ptr<HostBuffer>(new HostBuffer(static_cast<std::uint8_t*>(memory), size));
}

HostBuffer::~HostBuffer() {
  ::munmap(data_, size_);
  heldBytes.fetch_sub(static_cast<std::int64_t>(size_), std::memory_order_relaxed);
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
