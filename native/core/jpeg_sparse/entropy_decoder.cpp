#include "entropy_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "inverse_dct.hpp"

#if defined(__GNUC__)
#define LUNGCLS_ALWAYS_INLINE inline __attribute__((always_inline))
#define LUNGCLS_INLINE_LAMBDA __attribute__((always_inline))
#define LUNGCLS_NOINLINE __attribute__((noinline))
#else
#define LUNGCLS_ALWAYS_INLINE inline
#define LUNGCLS_INLINE_LAMBDA
#define LUNGCLS_NOINLINE
#endif

namespace lungcls::jpeg_sparse {
namespace {

// Look-ups between two refills: a refill leaves at least 56 bits.
constexpr int kStepsPerRefill = 5;
static_assert(kStepsPerRefill * kLookupBits <= 56);
// A block takes two steps or more (DC, end of block), so the steps of one refill touch at most this
// many blocks; so near the end of a stretch, steps are made one by one.
constexpr int kTouchedBlocks = 1 + kStepsPerRefill / 2;

// Byte offset in the block of the coefficient at each zigzag index.
constexpr std::array<std::uint16_t, kBlockSize> makePlaces() {
  std::array<std::uint16_t, kBlockSize> places{};
  const auto order = makePairOrder();
  for (int i = 0; i < kBlockSize; ++i) places[order[i]] = static_cast<std::uint16_t>(2 * i);
  return places;
}
constexpr std::array<std::uint16_t, kBlockSize> kPlaces = makePlaces();
const auto kPlacesBegin = reinterpret_cast<std::uintptr_t>(kPlaces.data());
const auto kPlacesEnd = kPlacesBegin + kBlockBytes;

LUNGCLS_ALWAYS_INLINE std::uint64_t loadBigEndian(const std::uint8_t* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

// `position`: an address in kPlaces.
LUNGCLS_ALWAYS_INLINE void store(std::int16_t* block, std::uintptr_t position, std::int16_t value) {
  std::uint16_t place;
  std::memcpy(&place, reinterpret_cast<const char*>(position), sizeof place);
  std::memcpy(reinterpret_cast<char*>(block) + place, &value, sizeof value);
}

// As many steps as there are between two refills, unrolled.
template <class Step>
LUNGCLS_ALWAYS_INLINE void repeat(const Step& step) {
  static_assert(kStepsPerRefill == 5);
  step();
  step();
  step();
  step();
  step();
}

}  // namespace

void EntropyDecoder::setTables(std::span<const Tables> mcu) {
  for (std::size_t i = 0; i < kMaxBatchBlocks; ++i) {
    blocks_[i] = {mcu[i % mcu.size()].ac, mcu[(i + 1) % mcu.size()].dc,
                  coefficients_.data() + i * kBlockSize};
  }
  state_.table = mcu[0].dc;
}

void EntropyDecoder::beginSegment(std::span<const std::uint8_t> bytes) {
  segment_ = bytes;
  state_.bits = 0;
  state_.count = 0;
  state_.next = bytes.data();
  irregular_ = false;
}

void EntropyDecoder::beginStretch(int begin, int end) {
  state_.block = blocks_.data() + begin;
  state_.position = kPlacesBegin;
  end_ = blocks_.data() + end;
  fastEnd_ = blocks_.data() + std::max(0, end - kTouchedBlocks + 1);
}

void EntropyDecoder::clearCoefficients(int blocks) {
  std::memset(coefficients_.data(), 0, static_cast<std::size_t>(blocks) * kBlockBytes);
}

// Fills `bits` from 8 bytes at once. The bytes that did not fit whole are read again next time;
// their bits that did fit are already there, and OR-ing them in again changes nothing. (Variant 4
// in Fabian Giesen's "Reading bits in far too many ways".)
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::refill(State& s) {
  s.bits |= loadBigEndian(s.next) >> (s.count & 63);
  s.next += (~s.count & 63) >> 3;
  s.count |= 56;
}

// An entry that lies in a table. Its fields are loaded one by one: CPUs have more units that load
// than units that shift, and of those the loop needs all.
class EntropyDecoder::StoredEntry {
 public:
  LUNGCLS_ALWAYS_INLINE explicit StoredEntry(const std::uint64_t& entry) : entry_(&entry) {}
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uint64_t whole() const { return *entry_; }
#if defined(__x86_64__)
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uintptr_t advance() const {
    return field<std::uint8_t>(1);
  }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uintptr_t firstPlace() const {
    return field<std::uint8_t>(2);
  }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uintptr_t secondPlace() const {
    return field<std::uint8_t>(3);
  }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::int16_t secondValue() const {
    return field<std::int16_t>(4);
  }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::int16_t firstValue() const {
    return field<std::int16_t>(6);
  }
#else
  [[nodiscard]] std::uintptr_t advance() const { return entry::advance(*entry_); }
  [[nodiscard]] std::uintptr_t firstPlace() const { return entry::firstPlace(*entry_); }
  [[nodiscard]] std::uintptr_t secondPlace() const { return entry::secondPlace(*entry_); }
  [[nodiscard]] std::int16_t secondValue() const { return entry::secondValue(*entry_); }
  [[nodiscard]] std::int16_t firstValue() const { return entry::firstValue(*entry_); }
#endif

 private:
  template <class T>
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE T field(std::size_t byte) const {
    T value;
    std::memcpy(&value, reinterpret_cast<const char*>(entry_) + byte, sizeof value);
    return value;
  }

  const std::uint64_t* entry_;
};

// An entry that was just made.
class EntropyDecoder::MadeEntry {
 public:
  LUNGCLS_ALWAYS_INLINE explicit MadeEntry(std::uint64_t entry) : entry_(entry) {}
  [[nodiscard]] std::uint64_t whole() const { return entry_; }
  [[nodiscard]] std::uintptr_t advance() const { return entry::advance(entry_); }
  [[nodiscard]] std::uintptr_t firstPlace() const { return entry::firstPlace(entry_); }
  [[nodiscard]] std::uintptr_t secondPlace() const { return entry::secondPlace(entry_); }
  [[nodiscard]] std::int16_t secondValue() const { return entry::secondValue(entry_); }
  [[nodiscard]] std::int16_t firstValue() const { return entry::firstValue(entry_); }

 private:
  std::uint64_t entry_;
};

// What an entry says: stores, bits, place, and the table of the next step. No branch depends on it.
// `position`: that after it.
template <class Entry>
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::apply(State& s, const Entry& entry,
                                                 std::uintptr_t position) {
  const std::uint64_t e = entry.whole();
  std::int16_t* const coefficients = s.block->coefficients;
  const HuffmanTable* table = s.block->ac;
  store(coefficients, s.position + entry.firstPlace(), entry.firstValue());
  store(coefficients, s.position + entry.secondPlace(), entry.secondValue());
  s.bits <<= e & 63;
  s.count -= e;  // of which only the lowest 6 bits matter
  const Block* block = s.block;
  const Block* const nextBlock = block + 1;
  // Whether the block ends is as good as random, and so must not become a branch.
#if defined(__x86_64__) && defined(__GNUC__)
  // Compilers make three choices on one condition into a branch, whatever they are told. The first
  // one reads memory, perhaps through the register that the second one changes.
  static_assert(entry::kBlockEnd == 0x80);
  __asm__(
      "testb $0x80, %b[e]\n\t"
      "cmovne %[nextDc], %[table]\n\t"
      "cmovne %[nextBlock], %[block]\n\t"
      "cmovne %[begin], %[position]"
      : [table] "+r"(table), [block] "+r"(block), [position] "+r"(position)
      : [e] "r"(e), [nextDc] "m"(s.block->nextDc), [nextBlock] "r"(nextBlock),
        [begin] "rm"(kPlacesBegin)
      : "cc");
#else
  if ((e & entry::kBlockEnd) != 0) {
    table = s.block->nextDc;
    block = nextBlock;
    position = kPlacesBegin;
  }
#endif
  s.table = table;
  s.block = block;
  s.position = position;
}

// One look-up: up to two coefficients, and the end of the block.
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::step(State& s, EntropyDecoder& decoder) {
  const StoredEntry stored(s.table->packed(s.bits));
  const std::uintptr_t position = s.position + stored.advance();
  if (position < kPlacesEnd) [[likely]] {
    apply(s, stored, position);
    return;
  }
  refill(s);
  const MadeEntry one(oneSymbol(*s.table, s.bits, s.position - kPlacesBegin));
  if ((one.whole() & entry::kIrregular) != 0) [[unlikely]]
    decoder.irregular_ = true;
  apply(s, one, s.position + one.advance());
  refill(s);
}

// The entry of one symbol, whatever its length: long codes, large values, and coefficients near the
// end of the block, which is `place` bytes on. Never leads beyond it.
LUNGCLS_NOINLINE std::uint64_t EntropyDecoder::oneSymbol(const HuffmanTable& table,
                                                         std::uint64_t bits, std::uintptr_t place) {
  const Symbol symbol = table.symbol(bits);
  const bool isDc = table.isDc();
  // Not even then may a block take less than two steps.
  if (symbol.codeLength == 0) {
    return entry::kIrregular |
           (isDc ? entry::make(0, false, 2, 0, 0, 0, 0) : entry::make(0, true, 0, 0, 0, 0, 0));
  }
  const int size = isDc ? symbol.value : symbol.value & 15;
  const unsigned run = isDc ? 0 : symbol.value >> 4;
  const unsigned length = symbol.codeLength + size;
  if (!isDc && size == 0 && run != 15) return entry::make(length, true, 0, 0, 0, 0, 0);
  const unsigned at = 2 * run;
  if (place + at >= kBlockBytes) {
    return entry::kIrregular | entry::make(length, true, 0, 0, 0, 0, 0);
  }
  const std::uint64_t rest = bits << symbol.codeLength;
  const int value = size == 0 ? 0 : extend(static_cast<int>(rest >> (64 - size)), size);
  // Stored twice: there may be no further place.
  return entry::make(length, place + at + 2 == kBlockBytes, at + 2, at, at, value, value);
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::finishLoop(EntropyDecoder& decoder) {
  State s = decoder.state_;
  while (s.block < decoder.fastEnd_) {
    refill(s);
    repeat([&]() LUNGCLS_INLINE_LAMBDA { step(s, decoder); });
  }
  while (s.block < decoder.end_) {
    refill(s);
    step(s, decoder);
  }
  decoder.state_ = s;
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::pairLoop(EntropyDecoder& a, EntropyDecoder& b) {
  State s = a.state_;
  State t = b.state_;
  const Block* const endS = a.fastEnd_;
  const Block* const endT = b.fastEnd_;
  while ((s.block < endS) & (t.block < endT)) {
    refill(s);
    refill(t);
    repeat([&]() LUNGCLS_INLINE_LAMBDA {
      step(s, a);
      step(t, b);
    });
  }
  a.state_ = s;
  b.state_ = t;
}

// On x86 a shift by a variable is three instructions' worth of work unless BMI2 is there.
#if defined(__x86_64__) && defined(__GNUC__)
#define LUNGCLS_BMI2 __attribute__((target("bmi,bmi2")))
LUNGCLS_BMI2 void EntropyDecoder::finishLoopBmi2(EntropyDecoder& decoder) {
  finishLoop(decoder);
}
LUNGCLS_BMI2 void EntropyDecoder::pairLoopBmi2(EntropyDecoder& a, EntropyDecoder& b) {
  pairLoop(a, b);
}

namespace {
const bool kHasBmi2 = __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0;
}

void EntropyDecoder::finishStretch() {
  kHasBmi2 ? finishLoopBmi2(*this) : finishLoop(*this);
}
void EntropyDecoder::runPair(EntropyDecoder& a, EntropyDecoder& b) {
  kHasBmi2 ? pairLoopBmi2(a, b) : pairLoop(a, b);
}
#else
void EntropyDecoder::finishStretch() {
  finishLoop(*this);
}
void EntropyDecoder::runPair(EntropyDecoder& a, EntropyDecoder& b) {
  pairLoop(a, b);
}
#endif

std::uint64_t EntropyDecoder::bitsUsed() const {
  return static_cast<std::uint64_t>(state_.next - segment_.data()) * 8 - (state_.count & 63);
}

bool EntropyDecoder::intact() const {
  return !irregular_ && bitsUsed() <= segment_.size() * 8;
}

bool EntropyDecoder::atSegmentEnd() const {
  // The last byte is padded with less than 8 bits.
  return intact() && segment_.size() * 8 - bitsUsed() < 8;
}

}  // namespace lungcls::jpeg_sparse
