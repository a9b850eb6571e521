// Read-only files by descriptor: bounds-checked positional reads, nothing shared between threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "host_buffer.hpp"
#include "status.hpp"

namespace lungcls {

class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  // Regular files only: NotFound or Unreadable for anything else.
  Outcome open(const std::string& path);
  void close();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  // Fills `out` from `offset` on; Unreadable when that many bytes are not there.
  Outcome read(std::uint64_t offset, std::span<std::uint8_t> out) const;

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace lungcls
