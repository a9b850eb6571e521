// A file of equally long rows (such as the data of an .npy), mapped into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "status.hpp"

namespace lungcls {

class MappedRows {
 public:
  // Maps `rows` rows of `rowBytes` bytes from `offset` on. Null, with the reason in `outcome`, when
  // the file cannot be read or is shorter than that. The file must not be cut while it is mapped.
  static std::shared_ptr<MappedRows> open(const std::string& path, std::uint64_t offset,
                                          std::uint64_t rowBytes, std::uint64_t rows,
                                          Outcome& outcome);

  MappedRows(const MappedRows&) = delete;
  MappedRows& operator=(const MappedRows&) = delete;
  ~MappedRows();

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t rowBytes() const { return rowBytes_; }

  // `index` < rows(). `to` takes rowBytes() bytes.
  void copyRow(std::uint64_t index, std::uint8_t* to) const;
  // The same for rows of halves, widened: `to` takes rowBytes() / 2 floats.
  void copyHalfRow(std::uint64_t index, float* to) const;
  // For rows of halves that are maps of `channels` innermost: each channel's mean over the
  // positions, summed in order in double precision and rounded once. rowBytes() is a multiple of
  // `channels` halves; `to` takes `channels` floats.
  void averageHalfRow(std::uint64_t index, std::size_t channels, float* to) const;

 private:
  MappedRows() = default;
  // `count` halves from `from` on, widened.
  static void widen(const std::uint8_t* from, float* to, std::size_t count);
  [[nodiscard]] const std::uint8_t* row(std::uint64_t index) const {
    return data_ + index * rowBytes_;
  }

  void* mapping_ = nullptr;
  std::size_t mappingBytes_ = 0;
  const std::uint8_t* data_ = nullptr;
  std::uint64_t rowBytes_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace lungcls
