// The entropy-coded bytes of a scan, without their byte stuffing and restart markers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sparse_result.hpp"

namespace lungcls::jpeg_sparse {

// The decoder may read this far beyond the end of a segment before it notices that it did (see
// EntropyDecoder): 64 blocks of 64 symbols of at most 31 bits, and a 64-bit load.
constexpr std::size_t kReadAhead = 64 * 64 * 31 / 8 + 64;

class ScanBytes {
 public:
  // Copies from the entropy-coded bytes at the beginning of `bytes` up to the end-of-image marker.
  // Damaged if there is any other marker than the restart markers in their order, or no end.
  SparseResult read(std::span<const std::uint8_t> bytes);

  // Between restart markers lies one segment.
  [[nodiscard]] std::size_t segmentCount() const { return ends_.size(); }
  // At least kReadAhead bytes can be read beyond its end.
  [[nodiscard]] std::span<const std::uint8_t> segment(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return {bytes_.data() + begin, ends_[index] - begin};
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace lungcls::jpeg_sparse
