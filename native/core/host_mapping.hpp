// Anonymous memory straight from the system, in huge pages where it allows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace lungcls {

class HostMapping {
 public:
  // At least `bytes` zeroed bytes. Throws std::bad_alloc.
  explicit HostMapping(std::size_t bytes);
  HostMapping(const HostMapping&) = delete;
  HostMapping& operator=(const HostMapping&) = delete;
  ~HostMapping();

  [[nodiscard]] std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }  // whole pages
  // Whether the system was asked for huge pages and agreed.
  [[nodiscard]] bool huge() const { return huge_; }
  // Why not; empty if it is.
  [[nodiscard]] const std::string& plainReason() const { return plainReason_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  bool huge_ = false;
  std::string plainReason_;
};

}  // namespace lungcls
