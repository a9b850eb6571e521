#include "entropy_decoder.hpp"

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

// Place in the block of the coefficient at each zigzag index.
constexpr std::array<std::uint8_t, kBlockSize> makePlaces() {
  std::array<std::uint8_t, kBlockSize> places{};
  const auto order = makePairOrder();
  for (int i = 0; i < kBlockSize; ++i) places[order[i]] = static_cast<std::uint8_t>(i);
  return places;
}
alignas(64) constexpr std::array<std::uint8_t, kBlockSize> kPlaces = makePlaces();
const auto kPlacesBegin = reinterpret_cast<std::uintptr_t>(kPlaces.data());
const auto kPlacesEnd = kPlacesBegin + kBlockSize;

LUNGCLS_ALWAYS_INLINE std::uint64_t loadBigEndian(const std::uint8_t* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

// `position`: an address in kPlaces.
LUNGCLS_ALWAYS_INLINE void store(std::int16_t* block, std::uintptr_t position, std::int16_t value) {
  block[*reinterpret_cast<const std::uint8_t*>(position)] = value;
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

EntropyDecoder::EntropyDecoder() {
  const HuffmanTable& table = HuffmanTable::parking();
  parking_ = {&table, &table, parkingCoefficients_.data(), &parking_};
}

void EntropyDecoder::setTables(std::span<const Tables> mcu) {
  for (std::size_t i = 0; i < kMaxBatchBlocks; ++i) {
    blocks_[i] = {mcu[i % mcu.size()].ac, mcu[(i + 1) % mcu.size()].dc,
                  coefficients_.data() + i * kBlockSize, &blocks_[i + 1]};
  }
  firstTable_ = mcu[0].dc;
  last_ = nullptr;
}

void EntropyDecoder::beginSegment(std::span<const std::uint8_t> bytes) {
  segment_ = bytes;
  state_.bits = 0;
  state_.count = 0;
  state_.next = bytes.data();
  irregular_ = false;
}

void EntropyDecoder::beginStretch(int begin, int end) {
  state_.block = &blocks_[begin];
  state_.position = kPlacesBegin;
  state_.table = firstTable_;
  if (last_ != nullptr) *last_ = lastAsItWas_;
  last_ = &blocks_[end - 1];
  lastAsItWas_ = *last_;
  last_->nextDc = parking_.ac;
  last_->next = &parking_;
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
  LUNGCLS_ALWAYS_INLINE explicit StoredEntry(const std::uint32_t& entry) : entry_(&entry) {}
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uint64_t whole() const { return *entry_; }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uintptr_t advance() const { return byte<8>(); }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uintptr_t firstPlace() const { return byte<24>() & 15; }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::int16_t firstValue() const {
    return static_cast<std::int8_t>(byte<16>());
  }
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::int16_t secondValue() const {
    return static_cast<std::int16_t>(static_cast<std::int32_t>(*entry_) >> 28);
  }

 private:
  template <int kShift>
  [[nodiscard]] LUNGCLS_ALWAYS_INLINE std::uint8_t byte() const {
#if defined(__x86_64__)
    return reinterpret_cast<const std::uint8_t*>(entry_)[kShift / 8];
#else
    return static_cast<std::uint8_t>(*entry_ >> kShift);
#endif
  }

  const std::uint32_t* entry_;
};

// What an entry says: stores, bits, place, and the table of the next step. No branch depends on it.
// `control`: the low 16 bits of an entry. `position`: that after it.
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::apply(State& s, std::uint64_t control,
                                                 std::uintptr_t firstPosition, std::int16_t first,
                                                 std::uintptr_t position, std::int16_t second) {
  std::int16_t* const coefficients = s.block->coefficients;
  const HuffmanTable* table = s.block->ac;
  store(coefficients, position - 1, second);
  store(coefficients, firstPosition, first);
  s.bits <<= control & 63;
  s.count -= control;  // of which only the lowest 6 bits matter
  const Block* block = s.block;
  // Whether the block ends is as good as random, and so must not become a branch.
#if defined(__x86_64__) && defined(__GNUC__)
  // Compilers make three choices on one condition into a branch, whatever they are told. The last
  // one changes the register through which the others read memory.
  static_assert(entry::kBlockEnd == 0x80);
  __asm__(
      "testb $0x80, %b[control]\n\t"
      "cmovne %[nextDc], %[table]\n\t"
      "cmovne %[begin], %[position]\n\t"
      "cmovne %[next], %[block]"
      : [table] "+&r"(table), [position] "+&r"(position), [block] "+r"(block)
      : [control] "r"(control), [nextDc] "m"(s.block->nextDc), [next] "m"(s.block->next),
        [begin] "rm"(kPlacesBegin)
      : "cc");
#else
  if ((control & entry::kBlockEnd) != 0) {
    table = block->nextDc;
    position = kPlacesBegin;
    block = block->next;
  }
#endif
  s.table = table;
  s.block = block;
  s.position = position;
}

// One look-up: up to two coefficients, and the end of the block.
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::step(State& s, EntropyDecoder& decoder) {
  const StoredEntry e(s.table->packed(s.bits));
  const std::uintptr_t position = s.position + e.advance();
  if (position < kPlacesEnd) [[likely]] {
    apply(s, e.whole(), s.position + e.firstPlace(), e.firstValue(), position, e.secondValue());
    return;
  }
  refill(s);
  const OneSymbol one(oneSymbol(*s.table, s.bits, s.position - kPlacesBegin));
  if ((one.control & entry::kIrregular) != 0) [[unlikely]]
    decoder.irregular_ = true;
  apply(s, one.control, s.position + one.advance - 1, one.value, s.position + one.advance,
        one.value);
  refill(s);
}

// The step of one symbol, whatever its length: long codes, large values, and coefficients near the
// end of the block, which is `place` on. Never leads beyond it.
LUNGCLS_NOINLINE EntropyDecoder::OneSymbol EntropyDecoder::oneSymbol(const HuffmanTable& table,
                                                                     std::uint64_t bits,
                                                                     std::uintptr_t place) {
  // A zero to the next place, where there is one already.
  const auto ends = [](unsigned length, std::uint32_t flags) {
    return OneSymbol{.control = length | entry::kBlockEnd | flags, .advance = 1, .value = 0};
  };
  const Symbol symbol = table.symbol(bits);
  if (symbol.codeLength == 0) return ends(0, entry::kIrregular);
  const bool isDc = table.isDc();
  const unsigned size = isDc ? symbol.value : symbol.value & 15U;
  const unsigned run = isDc ? 0 : symbol.value >> 4;
  const unsigned length = symbol.codeLength + size;
  if (!isDc && size == 0 && run != 15) return ends(length, 0);
  if (place + run >= kBlockSize) return ends(length, entry::kIrregular);
  const std::uint64_t rest = bits << symbol.codeLength;
  const int value =
      size == 0 ? 0 : extend(static_cast<int>(rest >> (64 - size)), static_cast<int>(size));
  const bool last = place + run + 1 == kBlockSize;
  return {.control = length | (last ? entry::kBlockEnd : 0),
          .advance = static_cast<std::uint16_t>(run + 1),
          .value = static_cast<std::int16_t>(value)};
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::finishLoop(EntropyDecoder& decoder) {
  State s = decoder.state_;
  while (s.block != &decoder.parking_) {
    refill(s);
    repeat([&]() LUNGCLS_INLINE_LAMBDA { step(s, decoder); });
  }
  decoder.state_ = s;
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::pairLoop(EntropyDecoder& a, EntropyDecoder& b) {
  State s = a.state_;
  State t = b.state_;
  const Block* const parkingS = &a.parking_;
  const Block* const parkingT = &b.parking_;
  while ((s.block != parkingS) & (t.block != parkingT)) {
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
