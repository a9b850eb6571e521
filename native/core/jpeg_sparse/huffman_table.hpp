// Huffman look-up tables whose entries hold up to two coefficients.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "frame_header.hpp"

namespace lungcls::jpeg_sparse {

// Bits of one look-up. More bits put more pairs of coefficients into one entry, but the tables have
// to stay in the first-level cache: encoders that optimise give each file tables of its own, and
// two files are decoded at a time, so those are four tables of AC coefficients at 8 KB.
constexpr int kLookupBits = 11;

// What one look-up does, packed into 32 bits. Positions count coefficients in zigzag order. Two
// stores are always made, first that of the second coefficient, at the last position of the
// advance, then that of the first: where there is one coefficient only, that is the same place.
//
//   bits  0-5   bits consumed
//   bit   6     something that no encoder writes (never in a table, see OneSymbol)
//   bit   7     whether the block ends here
//   bits  8-15  advance of the position, at least 1
//   bits 16-23  the first coefficient
//   bits 24-27  its place, from the position
//   bits 28-31  the second coefficient
//
// An advance of 64 crosses the end of any block, and so makes the decoder take one symbol by
// itself: codes and coefficients that the entry can't hold have it. In place of the coefficients
// there is the symbol, if its code is short enough: bits 16-23 its value, bits 24-31 its length.
namespace entry {

constexpr std::uint32_t kBlockEnd = 0x80;
constexpr std::uint32_t kIrregular = 0x40;
constexpr std::uint32_t kOneSymbol = std::uint32_t{kBlockSize} << 8;
// Magnitudes that fit.
constexpr int kMaxFirst = 127;
constexpr int kMaxSecond = 7;

constexpr std::uint32_t make(unsigned length, bool endsBlock, unsigned advance, unsigned firstPlace,
                             int first, int second) {
  return length | (endsBlock ? kBlockEnd : 0) | advance << 8 |
         (static_cast<unsigned>(first) & 0xFFU) << 16 | firstPlace << 24 |
         static_cast<unsigned>(second) << 28;
}
constexpr std::uint32_t makeOneSymbol(unsigned codeLength, unsigned value) {
  return kOneSymbol | value << 16 | codeLength << 24;
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

// The codes of one table, each with each of its values, as far as one look-up can hold it.
class Leaves;

class HuffmanTable {
 public:
  // Entries that stay where they are, and take no bits: every look-up ends a block of nothing.
  static const HuffmanTable& parking();

  // The codes, all of them taken symbol by symbol. False if libjpeg would refuse the table.
  bool setCodes(const HuffmanSpec& spec, bool isDc);
  // Makes entries: one of `first`, then one of `second` if that fits too.
  void pack(const Leaves& first, const Leaves& second);

  [[nodiscard]] const std::uint32_t& packed(std::uint64_t bits) const {
    return packed_[bits >> (64 - kLookupBits)];
  }
  // The symbol whose code begins `bits`, of any length.
  [[nodiscard]] Symbol symbol(std::uint64_t bits) const;
  [[nodiscard]] bool isDc() const { return isDc_; }

 private:
  alignas(64) std::array<std::uint32_t, 1 << kLookupBits> packed_;
  std::array<std::uint32_t, 18> codeEnd_;     // first 16-bit-aligned code beyond those of a length
  std::array<std::int32_t, 17> valueOffset_;  // index of a code's symbol minus the code
  std::array<std::uint8_t, 256> values_;
  bool isDc_ = false;
};

// The tables of a component. Those of its DC coefficients hold the AC coefficient that follows,
// too.
struct HuffmanTables {
  HuffmanTable dc;
  HuffmanTable ac;
};

// Tables are rebuilt only when an image has others than those before it.
class HuffmanCache {
 public:
  HuffmanCache();
  HuffmanCache(const HuffmanCache&) = delete;
  HuffmanCache& operator=(const HuffmanCache&) = delete;
  ~HuffmanCache();

  // Null if libjpeg would refuse one of them.
  std::shared_ptr<const HuffmanTables> get(const HuffmanSpec& dc, const HuffmanSpec& ac);

 private:
  struct Slot {
    std::shared_ptr<HuffmanTables> tables;
    HuffmanSpec dc;
    HuffmanSpec ac;
    std::uint64_t lastUse = 0;
  };
  bool build(HuffmanTables& tables, const HuffmanSpec& dc, const HuffmanSpec& ac);

  std::vector<Slot> slots_;
  std::uint64_t uses_ = 0;
  // Working memory.
  std::unique_ptr<Leaves> dcLeaves_;
  std::unique_ptr<Leaves> acLeaves_;
};

}  // namespace lungcls::jpeg_sparse
