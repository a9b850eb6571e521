// Memory that images are decoded into, aligned for vector code and for page-locking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "host_mapping.hpp"

namespace lungcls {

// Bytes held at this moment by all HostBuffers and ScratchBuffers of the process; for leak tests.
std::int64_t nativeBytes();

class CudaHost;

// What kind of memory a buffer is made of, the best first.
enum class MemoryKind : std::uint8_t {
  Pinned,  // page-locked by the CUDA driver, for fast copies to a GPU
  Huge,    // in huge pages, as far as the system has them
  Plain,
};

struct MemoryFacts {
  MemoryKind kind = MemoryKind::Plain;
  std::string reason;  // why it is nothing better; empty for Pinned
};

// Who page-locks buffers, or why nobody does.
struct PinningService {
  std::shared_ptr<CudaHost> cuda;
  std::string reason = "page-locking was not asked for";
};

// The CUDA driver of that name, shared by the process; none for an empty name.
PinningService pinningBy(const std::string& cudaLibrary);

// A fixed block of zeroed memory, page-aligned. Shared by whoever needs it to stay alive: the
// decoder that fills it, a task under way, the JavaScript view of it.
class HostBuffer {
 public:
  // As good as can be had. Throws std::bad_alloc.
  static std::shared_ptr<HostBuffer> allocate(std::size_t bytes,
                                              const PinningService& pinning = {});

  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;
  ~HostBuffer();

  [[nodiscard]] std::uint8_t* data() const { return mapping_.data(); }
  [[nodiscard]] std::size_t size() const { return mapping_.size(); }
  [[nodiscard]] const MemoryFacts& memory() const { return memory_; }

 private:
  HostBuffer(std::size_t bytes, const PinningService& pinning);

  HostMapping mapping_;
  std::shared_ptr<CudaHost> cuda_;  // null unless it has locked the mapping
  MemoryFacts memory_;
};

// Reusable working memory of one thread: grows, is never initialised, keeps no content on growth.
class ScratchBuffer {
 public:
  ScratchBuffer() = default;
  ScratchBuffer(const ScratchBuffer&) = delete;
  ScratchBuffer& operator=(const ScratchBuffer&) = delete;
  ~ScratchBuffer() { reset(); }

  // At least `bytes` bytes aligned to 64. Throws std::bad_alloc.
  std::uint8_t* reserve(std::size_t bytes);
  // Gives the memory back if it is larger than `bytes`.
  void shrink(std::size_t bytes) {
    if (capacity_ > bytes) reset();
  }

  void swap(ScratchBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
  }

  [[nodiscard]] std::uint8_t* data() const { return data_; }

 private:
  void reset();

  std::uint8_t* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace lungcls
