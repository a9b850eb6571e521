#include "entropy_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

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
// A block takes two look-ups or more (DC, end of block), so the steps of one refill touch at most this
// many blocks; so near the end of a stretch, steps are made one by one.
constexpr std::uint64_t kTouchedBlocks = 1 + kStepsPerRefill / 2;
constexpr std::uint64_t kInBlock = kBlockBytes - 1;

LUNGCLS_ALWAYS_INLINE std::uint64_t loadBigEndian(const std::uint8_t* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

LUNGCLS_ALWAYS_INLINE void store(std::int16_t* coefficients, std::uint64_t position,
                                 std::int16_t value) {
  std::memcpy(reinterpret_cast<char*>(coefficients) + position, &value, sizeof value);
}

}  // namespace

void EntropyDecoder::setTables(std::span<const Tables> mcu) {
  for (std::size_t i = 0; i < work_.following.size(); ++i) {
    work_.following[i] = {mcu[i % mcu.size()].ac, mcu[(i + 1) % mcu.size()].dc};
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
  state_.position = static_cast<std::uint64_t>(begin) * kBlockBytes;
  end_ = static_cast<std::uint64_t>(end) * kBlockBytes;
  constexpr std::uint64_t kSlow = (kTouchedBlocks - 1) * kBlockBytes;
  fastEnd_ = end_ > kSlow ? end_ - kSlow : 0;
}

void EntropyDecoder::clearCoefficients(int blocks) {
  std::memset(work_.coefficients.data(), 0, static_cast<std::size_t>(blocks) * kBlockBytes);
}

// Fills `bits` from 8 bytes at once. The bytes that did not fit whole are read again next time; their
// bits that did fit are already there, and OR-ing them in again changes nothing. (Variant 4 in Fabian
// Giesen's "Reading bits in far too many ways".)
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::refill(State& s) {
  s.bits |= loadBigEndian(s.next) >> (s.count & 63);
  s.next += (63 - s.count) >> 3;
  s.count |= 56;
}

// One look-up: up to two coefficients, and the end of the block, without a branch that depends on them.
LUNGCLS_ALWAYS_INLINE void EntropyDecoder::step(State& s, EntropyDecoder& decoder) {
  const std::uint64_t e = s.table->packed(s.bits);
  const Following following = decoder.work_.following[s.position / kBlockBytes];
  if ((s.position & kInBlock) + entry::advance(e) >= kBlockBytes) [[unlikely]] {
    s = decoder.carefulStep(s);
    return;
  }
  std::int16_t* const coefficients = decoder.work_.coefficients.data();
  store(coefficients, s.position + entry::firstPlace(e), entry::firstValue(e));
  store(coefficients, s.position + entry::secondPlace(e), entry::secondValue(e));
  s.bits <<= entry::length(e) & 63;
  s.count -= entry::length(e);
  const std::uint64_t mask = entry::blockEndMask(e);
  s.position = (s.position + entry::advance(e) + mask) & ~mask;
  const auto ac = reinterpret_cast<std::uintptr_t>(following.ac);
  const auto dc = reinterpret_cast<std::uintptr_t>(following.nextDc);
  s.table = reinterpret_cast<const HuffmanTable*>(mask != 0 ? dc : ac);
}

void EntropyDecoder::endBlock(State& s) const {
  s.table = work_.following[s.position / kBlockBytes].nextDc;
  s.position = (s.position | kInBlock) + 1;
}

// One symbol: long codes, large values, and coefficients near the end of the block.
LUNGCLS_NOINLINE EntropyDecoder::State EntropyDecoder::carefulStep(State s) {
  refill(s);
  const HuffmanTable& table = *s.table;
  const Symbol symbol = table.symbol(s.bits);
  if (symbol.codeLength == 0) {
    irregular_ = true;
    endBlock(s);
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
  const std::uint64_t place = (s.position & kInBlock) + 2 * static_cast<std::uint64_t>(run);
  if (place >= kBlockBytes) {
    irregular_ = true;
    endBlock(s);
    return s;
  }
  store(work_.coefficients.data(), s.position + 2 * static_cast<std::uint64_t>(run),
        static_cast<std::int16_t>(value));
  if (place + 2 == kBlockBytes) {
    endBlock(s);
  } else {
    s.table = work_.following[s.position / kBlockBytes].ac;
    s.position += 2 * static_cast<std::uint64_t>(run) + 2;
  }
  return s;
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::finishLoop(EntropyDecoder& decoder) {
  State s = decoder.state_;
  while (s.position < decoder.fastEnd_) {
    refill(s);
#pragma GCC unroll 8
    for (int i = 0; i < kStepsPerRefill; ++i) step(s, decoder);
  }
  while (s.position < decoder.end_) {
    refill(s);
    step(s, decoder);
  }
  decoder.state_ = s;
}

LUNGCLS_ALWAYS_INLINE void EntropyDecoder::pairLoop(EntropyDecoder& a, EntropyDecoder& b) {
  State s = a.state_;
  State t = b.state_;
  const std::uint64_t endS = a.fastEnd_;
  const std::uint64_t endT = b.fastEnd_;
  while ((s.position < endS) & (t.position < endT)) {
    refill(s);
    refill(t);
#pragma GCC unroll 8
    for (int i = 0; i < kStepsPerRefill; ++i) {
      step(s, a);
      step(t, b);
    }
  }
  a.state_ = s;
  b.state_ = t;
}

// On x86 a shift by a variable is three instructions' worth of work unless BMI2 is there.
#if defined(__x86_64__) && defined(__GNUC__)
#define LUNGCLS_BMI2 __attribute__((target("bmi,bmi2")))
LUNGCLS_BMI2 void EntropyDecoder::finishLoopBmi2(EntropyDecoder& decoder) { finishLoop(decoder); }
LUNGCLS_BMI2 void EntropyDecoder::pairLoopBmi2(EntropyDecoder& a, EntropyDecoder& b) {
  pairLoop(a, b);
}

namespace {
const bool kHasBmi2 = __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0;
}

void EntropyDecoder::finishStretch() { kHasBmi2 ? finishLoopBmi2(*this) : finishLoop(*this); }
void EntropyDecoder::runPair(EntropyDecoder& a, EntropyDecoder& b) {
  kHasBmi2 ? pairLoopBmi2(a, b) : pairLoop(a, b);
}
#else
void EntropyDecoder::finishStretch() { finishLoop(*this); }
void EntropyDecoder::runPair(EntropyDecoder& a, EntropyDecoder& b) { pairLoop(a, b); }
#endif

std::uint64_t EntropyDecoder::bitsUsed() const {
  return static_cast<std::uint64_t>(state_.next - segment_.data()) * 8 - state_.count;
}

bool EntropyDecoder::intact() const { return !irregular_ && bitsUsed() <= segment_.size() * 8; }

bool EntropyDecoder::atSegmentEnd() const {
  // The last byte is padded with less than 8 bits.
  return intact() && segment_.size() * 8 - bitsUsed() < 8;
}

}  // namespace lungcls::jpeg_sparse
