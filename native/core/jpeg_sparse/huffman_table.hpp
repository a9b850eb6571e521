// Huffman look-up tables whose entries hold up to two coefficients.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "frame_header.hpp"

namespace lungcls::jpeg_sparse {

// Bits of one look-up. More bits put more pairs of coefficients into one entry, but the tables have
// to stay in the first-level cache: 2^10 entries of 8 bytes, four tables.
constexpr int kLookupBits = 10;

// What one look-up does, packed into 64 bits. Positions are bytes in zigzag order; a coefficient
// takes two. Both stores are always made: where there is one coefficient only, the second stores a
// zero to a place not yet written.
//
//   bits  0-5   bits consumed
//   bit   6     something that no encoder writes
//   bit   7     whether the block ends here
//   bits  8-15  advance of the position
//   bits 16-23  place of the first coefficient, from the position
//   bits 24-31  place of the second
//   bits 32-47  the second coefficient
//   bits 48-63  the first
//
// An advance of 128 crosses the end of any block, and so makes the decoder take one symbol by
// itself: codes that the look-up can't hold have it.
namespace entry {

constexpr std::uint64_t kBlockEnd = 0x80;
constexpr std::uint64_t kIrregular = 0x40;
constexpr std::uint64_t kOneSymbol = (std::uint64_t{2} * kBlockSize) << 8;

constexpr std::uint64_t make(unsigned length, bool endsBlock, unsigned advance, unsigned firstPlace,
                             unsigned secondPlace, int first, int second) {
  const std::uint64_t values = std::uint64_t{static_cast<std::uint16_t>(first)} << 16 |
                               std::uint64_t{static_cast<std::uint16_t>(second)};
  return std::uint64_t{length} | (endsBlock ? kBlockEnd : 0) | std::uint64_t{advance} << 8 |
         std::uint64_t{firstPlace} << 16 | std::uint64_t{secondPlace} << 24 | values << 32;
}
constexpr std::uint64_t advance(std::uint64_t e) {
  return e >> 8 & 0xFF;
}
// Rotations rather than shifts, because x86 rotates into another register in one instruction.
constexpr std::uint64_t firstPlace(std::uint64_t e) {
  return std::rotr(e, 16) & 0xFF;
}
constexpr std::uint64_t secondPlace(std::uint64_t e) {
  return static_cast<std::uint32_t>(e) >> 24;
}
constexpr std::int16_t firstValue(std::uint64_t e) {
  return static_cast<std::int16_t>(std::rotr(e, 48));
}
constexpr std::int16_t secondValue(std::uint64_t e) {
  return static_cast<std::int16_t>(std::rotr(e, 32));
}

}  // namespace entry

// One symbol of the code: the number of bits of the code itself, and the byte it stands for. AC:
// run of zeros << 4 | size; DC: size.
struct Symbol {
  std::uint8_t codeLength = 0;  // 0: no such code
  std::uint8_t value = 0;
};

// The value of `size` further bits (T.81 F.2.2.1, EXTEND).
constexpr int extend(int bits, int size) {
  return size == 0 || bits >= 1 << (size - 1) ? bits : bits - (1 << size) + 1;
}

class HuffmanTable {
 public:
  // False if libjpeg would refuse the table.
  bool build(const HuffmanSpec& spec, bool isDc);

  [[nodiscard]] const std::uint64_t& packed(std::uint64_t bits) const {
    return packed_[bits >> (64 - kLookupBits)];
  }
  // The symbol whose code begins `bits`, of any length.
  [[nodiscard]] Symbol symbol(std::uint64_t bits) const;
  [[nodiscard]] bool isDc() const { return isDc_; }

 private:
  void pack();
  [[nodiscard]] std::uint64_t packEntry(std::uint32_t bits) const;

  alignas(64) std::array<std::uint64_t, 1 << kLookupBits> packed_;
  std::array<Symbol, 1 << kLookupBits> symbols_;
  std::array<std::uint32_t, 18> codeEnd_;     // first 16-bit-aligned code beyond those of a length
  std::array<std::int32_t, 17> valueOffset_;  // index of a code's symbol minus the code
  std::array<std::uint8_t, 256> values_;
  bool isDc_ = false;
};

// Tables are rebuilt only when an image has others than those before it.
class HuffmanCache {
 public:
  // Null if libjpeg would refuse the table.
  std::shared_ptr<const HuffmanTable> get(const HuffmanSpec& spec, bool isDc);

 private:
  struct Slot {
    std::shared_ptr<HuffmanTable> table;
    HuffmanSpec spec;
    bool isDc = false;
    std::uint64_t lastUse = 0;
  };
  std::vector<Slot> slots_;
  std::uint64_t uses_ = 0;
};

}  // namespace lungcls::jpeg_sparse
