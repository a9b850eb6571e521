#include "mapped_rows.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "file.hpp"
#include "half.hpp"

namespace lungcls {

std::shared_ptr<MappedRows> MappedRows::open(const std::string& path, std::uint64_t offset,
                                             std::uint64_t rowBytes, std::uint64_t rows,
                                             Outcome& outcome) {
  File file;
  outcome = file.open(path);
  if (!outcome.ok()) return nullptr;
  const bool fits =
      offset <= file.size() && rowBytes > 0 && rows <= (file.size() - offset) / rowBytes;
  if (!fits) {
    outcome = {Status::Corrupt, "Expected " + std::to_string(rows) + " rows of " +
                                    std::to_string(rowBytes) + " bytes from byte " +
                                    std::to_string(offset) + " on, but the file has " +
                                    std::to_string(file.size()) + " bytes"};
    return nullptr;
  }
  std::shared_ptr<MappedRows> mapped(new MappedRows());
  mapped->rowBytes_ = rowBytes;
  mapped->rows_ = rows;
  if (rows == 0) return mapped;
  // A mapping begins at a page; the rows need not.
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t start = offset / page * page;
  mapped->mappingBytes_ = static_cast<std::size_t>(offset - start + rowBytes * rows);
  mapped->mapping_ = ::mmap(nullptr, mapped->mappingBytes_, PROT_READ, MAP_SHARED,
                            file.descriptor(), static_cast<off_t>(start));
  if (mapped->mapping_ == MAP_FAILED) {
    mapped->mapping_ = nullptr;
    outcome = {Status::Unreadable,
               "Cannot map the file: " + std::generic_category().message(errno)};
    return nullptr;
  }
  mapped->data_ = static_cast<const std::uint8_t*>(mapped->mapping_) + (offset - start);
  return mapped;
}

MappedRows::~MappedRows() {
  if (mapping_ != nullptr) ::munmap(mapping_, mappingBytes_);
}

void MappedRows::copyRow(std::uint64_t index, std::uint8_t* to) const {
  std::memcpy(to, row(index), rowBytes_);
}

void MappedRows::copyHalfRow(std::uint64_t index, float* to) const {
  // .npy data is aligned to 64 bytes, so halves lie at even addresses; an odd one is copied first.
  const std::uint8_t* from = row(index);
  const std::size_t count = rowBytes_ / sizeof(std::uint16_t);
  if (reinterpret_cast<std::uintptr_t>(from) % alignof(std::uint16_t) == 0) {
    halfToFloat(reinterpret_cast<const std::uint16_t*>(from), to, count);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, from + i * sizeof(half), sizeof(half));
    halfToFloat(&half, to + i, 1);
  }
}

}  // namespace lungcls
