#include "entropy_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "inverse_dct.hpp"

#if defined(__GNUC__)
#define LUNGCLS_ALWAYS_INLINE inline __attribute__((always_inline))
#define LUNGCLS_NOINLINE __attribute__((noinline))
#else
#define LUNGCLS_ALWAYS_INLINE inline
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

// One look-up: up to two coefficients, and the end of the block, without a branch that depends on
// them.
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::step(State& s, EntropyDecoder& decoder) {
  const std::uint64_t e = s.table->packed(s.bits);
  const std::uintptr_t position = s.position + entry::advance(e);
  if (position >= kPlacesEnd) [[unlikely]] {
    s = decoder.carefulStep(s);
    return;
  }
  std::int16_t* const coefficients = s.block->coefficients;
  const HuffmanTable* table = s.block->ac;
  const HuffmanTable* const nextDc = s.block->nextDc;
  store(coefficients, s.position + entry::firstPlace(e), entry::firstValue(e));
  store(coefficients, s.position + entry::secondPlace(e), entry::secondValue(e));
  s.bits <<= e & 63;
  s.count -= e;  // of which only the lowest 6 bits matter
  const Block* block = s.block;
  const Block* const nextBlock = block + 1;
  std::uintptr_t place = position;
  // Whether the block ends is as good as random, and so must not become a branch.
#if defined(__x86_64__) && defined(__GNUC__)
  // Compilers make three choices on one condition into a branch, whatever they are told.
  static_assert(entry::kBlockEnd == 0x80);
  __asm__(
      "testb $0x80, %b[e]\n\t"
      "cmovne %[nextDc], %[table]\n\t"
      "cmovne %[nextBlock], %[block]\n\t"
      "cmovne %[begin], %[position]"
      : [table] "+r"(table), [block] "+r"(block), [position] "+r"(place)
      : [e] "r"(e), [nextDc] "rm"(nextDc), [nextBlock] "r"(nextBlock), [begin] "rm"(kPlacesBegin)
      : "cc");
#else
  if ((e & entry::kBlockEnd) != 0) {
    table = nextDc;
    block = nextBlock;
    place = kPlacesBegin;
  }
#endif
  s.table = table;
  s.block = block;
  s.position = place;
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::endBlock(State& s) {
  s.table = s.block->nextDc;
  s.position = kPlacesBegin;
  ++s.block;
}

// One symbol: long codes, large values, and coefficients near the end of the block.
LUNGCLS_NOINLINE EntropyDecoder::State EntropyDecoder::carefulStep(State s) {
  refill(s);
  const HuffmanTable& table = *s.table;
  const Symbol symbol = table.symbol(s.bits);
  if (symbol.codeLength == 0) {
    irregular_ = true;
    if (s.position != kPlacesBegin) {
      endBlock(s);
    } else {  // not even now may a block take less than two steps
      s.position = kPlacesBegin + 2;
      s.table = s.block->ac;
    }
    return s;
  }
  const int size = table.isDc() ? symbol.value : symbol.value & 15;
  const int run = table.isDc() ? 0 : symbol.value >> 4;
  const std::uint64_t rest = s.bits << symbol.codeLength;
  const int value = size == 0 ? 0 : extend(static_cast<int>(rest >> (64 - size)), size);
  s.bits = rest << size;
  s.count -= symbol.codeLength + size;
  refill(s);
  if (!table.isDc() && size == 0 && run != 15) {
    endBlock(s);
    return s;
  }
  const std::uintptr_t place = s.position + 2 * static_cast<std::uintptr_t>(run);
  if (place >= kPlacesEnd) {
    irregular_ = true;
    endBlock(s);
    return s;
  }
  store(s.block->coefficients, place, static_cast<std::int16_t>(value));
  if (place + 2 == kPlacesEnd) {
    endBlock(s);
  } else {
    s.table = s.block->ac;
    s.position = place + 2;
  }
  return s;
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::finishLoop(EntropyDecoder& decoder) {
  State s = decoder.state_;
  while (s.block < decoder.fastEnd_) {
    refill(s);
    repeat([&] { step(s, decoder); });
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
    repeat([&] {
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
