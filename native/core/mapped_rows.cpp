#include "mapped_rows.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "file.hpp"
#include "half.hpp"

namespace lungcls {
namespace {

// Whose sums stay in the nearest cache.
constexpr std::size_t kChannelsAtOnce = 256;

}  // namespace

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
  widen(row(index), to, rowBytes_ / sizeof(std::uint16_t));
}

void MappedRows::averageHalfRow(std::uint64_t index, std::size_t channels, float* to) const {
  const std::size_t stride = channels * sizeof(std::uint16_t);
  const std::size_t positions = rowBytes_ / stride;
  for (std::size_t first = 0; first < channels; first += kChannelsAtOnce) {
    const std::size_t count = std::min(kChannelsAtOnce, channels - first);
    std::array<double, kChannelsAtOnce> sums{};
    std::array<float, kChannelsAtOnce> values{};
    const std::uint8_t* from = row(index) + first * sizeof(std::uint16_t);
    for (std::size_t position = 0; position < positions; ++position) {
      widen(from + position * stride, values.data(), count);
      for (std::size_t c = 0; c < count; ++c) sums[c] += static_cast<double>(values[c]);
    }
    for (std::size_t c = 0; c < count; ++c) {
      to[first + c] = static_cast<float>(sums[c] / static_cast<double>(positions));
    }
  }
}

void MappedRows::widen(const std::uint8_t* from, float* to, std::size_t count) {
  // .npy data is aligned to 64 bytes, so halves lie at even addresses; an odd one is copied first.
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
