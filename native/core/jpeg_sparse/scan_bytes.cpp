#include "scan_bytes.hpp"

#include <cstring>

namespace lungcls::jpeg_sparse {
namespace {

constexpr std::uint8_t kRst0 = 0xD0;
constexpr std::uint8_t kEoi = 0xD9;

}  // namespace

SparseResult ScanBytes::read(std::span<const std::uint8_t> bytes) {
  ends_.clear();
  const std::size_t needed = bytes.size() + kReadAhead;
  if (bytes_.size() < needed) bytes_.resize(needed + needed / 2);

  const std::uint8_t* from = bytes.data();
  const std::uint8_t* const end = from + bytes.size();
  std::uint8_t* to = bytes_.data();
  for (;;) {
    const auto left = static_cast<std::size_t>(end - from);
    const auto* mark = static_cast<const std::uint8_t*>(std::memchr(from, 0xFF, left));
    if (mark == nullptr || end - mark < 2) return SparseResult::Damaged;
    const auto plain = static_cast<std::size_t>(mark - from);
    std::memcpy(to, from, plain);
    to += plain;
    from = mark + 2;
    if (mark[1] == 0) {
      *to++ = 0xFF;  // the zero is stuffing (T.81 B.1.1.5)
      continue;
    }
    const std::uint8_t expected = kRst0 + (ends_.size() & 7);
    ends_.push_back(static_cast<std::size_t>(to - bytes_.data()));
    if (mark[1] == kEoi) return SparseResult::Ok;
    if (mark[1] != expected) return SparseResult::Damaged;
  }
}

}  // namespace lungcls::jpeg_sparse
