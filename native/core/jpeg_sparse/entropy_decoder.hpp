// Huffman decoding of one or two images at a time into blocks of coefficients.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "huffman_table.hpp"

namespace lungcls::jpeg_sparse {

constexpr std::size_t kBlockBytes = std::size_t{2} * kBlockSize;
// Blocks that are held at a time: few enough for their coefficients to be still in the first-level
// cache when the inverse DCT comes for them.
constexpr int kMaxBatchBlocks = 64;

// One image's entropy decoder. Coefficients are put in the order in which the inverse DCT wants
// them (pair order); the DC coefficient, first in that order too, is still the difference that was
// coded.
class EntropyDecoder {
 public:
  struct Tables {
    const HuffmanTable* dc;
    const HuffmanTable* ac;
  };

  EntropyDecoder();
  EntropyDecoder(const EntropyDecoder&) = delete;  // has pointers into itself
  EntropyDecoder& operator=(const EntropyDecoder&) = delete;

  // The tables of the blocks of one MCU, in order; the pattern repeats. At most kMaxBatchBlocks.
  void setTables(std::span<const Tables> mcu);

  // Begins a segment, which must be followed by kReadAhead readable bytes.
  void beginSegment(std::span<const std::uint8_t> bytes);
  // Begins a stretch: the blocks from `begin` to before `end`, whole MCUs. Their coefficients must
  // be zero.
  void beginStretch(int begin, int end);

  // Decodes what is left of the stretch.
  void finishStretch();
  // Decodes two stretches in turns, so that the latency of one's table look-ups is hidden behind
  // the other's, until either is complete.
  static void runPair(EntropyDecoder& a, EntropyDecoder& b);
  [[nodiscard]] bool complete() const { return state_.block == &parking_; }

  // To be asked after each stretch: false if the segment ended too early or something was coded
  // that no encoder writes.
  [[nodiscard]] bool intact() const;
  // Whether all of the segment's bytes have been used.
  [[nodiscard]] bool atSegmentEnd() const;

  [[nodiscard]] std::int16_t* coefficients() { return coefficients_.data(); }
  void clearCoefficients(int blocks);

 private:
  // While a block is decoded: the table of its AC coefficients, that of the DC after it, its place,
  // and the block after it.
  struct Block {
    const HuffmanTable* ac;
    const HuffmanTable* nextDc;
    std::int16_t* coefficients;
    const Block* next;
  };
  // What the look-up can't hold: the low 16 bits of an entry, and one coefficient, at the last
  // place of the advance.
  struct OneSymbol {
    std::uint32_t control;
    std::uint16_t advance;
    std::int16_t value;
  };
  // What the inner loop keeps in registers. `bits` holds the next `count` (modulo 64) bits at its
  // top, and possibly some of those after them.
  struct State {
    std::uint64_t bits = 0;
    std::uint64_t count = 0;
    const std::uint8_t* next = nullptr;
    std::uintptr_t position = 0;  // of the next coefficient: the address of its entry in kPlaces
    const Block* block = nullptr;
    const HuffmanTable* table = nullptr;
  };

  static void refill(State& s);
  static void step(State& s, EntropyDecoder& decoder);
  static void finishLoop(EntropyDecoder& decoder);
  static void finishLoopBmi2(EntropyDecoder& decoder);
  static void pairLoop(EntropyDecoder& a, EntropyDecoder& b);
  static void pairLoopBmi2(EntropyDecoder& a, EntropyDecoder& b);
  class StoredEntry;
  static void apply(State& s, std::uint64_t control, std::uintptr_t firstPosition,
                    std::int16_t first, std::uintptr_t position, std::int16_t second);
  static OneSymbol oneSymbol(const HuffmanTable& table, std::uint64_t bits, std::uintptr_t place);
  [[nodiscard]] std::uint64_t bitsUsed() const;

  alignas(64) std::array<std::int16_t, std::size_t{kMaxBatchBlocks} * kBlockSize> coefficients_{};
  // Of coefficients that go nowhere.
  alignas(64) std::array<std::int16_t, kBlockSize> parkingCoefficients_{};
  std::array<Block, kMaxBatchBlocks + 1> blocks_{};  // the last one is pointed to, not more
  // Where decoding goes after the last block of a stretch, and stays, taking no bits: so the steps
  // between two refills need not know where the stretch ends.
  Block parking_{};
  Block* last_ = nullptr;  // block of the stretch, and what stood there before it led to parking_
  Block lastAsItWas_{};
  const HuffmanTable* firstTable_ = nullptr;
  State state_;
  std::span<const std::uint8_t> segment_;
  bool irregular_ = false;
};

}  // namespace lungcls::jpeg_sparse
