// Memory that images are decoded into, aligned for vector code and for page-locking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace lungcls {

// Bytes held at this moment by all HostBuffers and ScratchBuffers of the process; for leak tests.
std::int64_t nativeBytes();

// A fixed block of zeroed memory. Shared by whoever needs it to stay alive: the decoder that fills
// it, a task under way, the JavaScript view of it.
class HostBuffer {
 public:
  // Plain: ordinary memory. Pinned: page-locked, for fast copies to a GPU (not made yet).
  enum class Kind : std::uint8_t { Plain, Pinned };

  // Throws std::bad_alloc.
  static std::shared_ptr<HostBuffer> allocate(std::size_t bytes);

  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;
  ~HostBuffer();

  [[nodiscard]] std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Kind kind() const { return Kind::Plain; }

 private:
  HostBuffer(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::uint8_t* data_;
  std::size_t size_;
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
