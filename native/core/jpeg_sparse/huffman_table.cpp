#include "huffman_table.hpp"

#include <algorithm>

namespace lungcls::jpeg_sparse {
namespace {

constexpr std::uint32_t kLookupSize = 1U << kLookupBits;
constexpr int kMaxCodeLength = 16;
constexpr unsigned kBlockBytes = 2 * kBlockSize;
// Four tables an image, two images at a time, and as many again for a change of tables.
constexpr std::size_t kCacheSlots = 16;

constexpr int kRunMax = 15;

int runOf(Symbol symbol) {
  return symbol.value >> 4;
}
int sizeOf(Symbol symbol) {
  return symbol.value & 15;
}
// In a sequential scan all sizes of 0 end the block, but for the run of 16 zeros.
bool endsBlock(Symbol symbol) {
  return sizeOf(symbol) == 0 && runOf(symbol) != kRunMax;
}

}  // namespace

bool HuffmanTable::build(const HuffmanSpec& spec, bool isDc) {
  isDc_ = isDc;
  symbols_.fill({});
  std::copy_n(spec.symbols.begin(), spec.symbolCount, values_.begin());
  std::uint32_t code = 0;
  int index = 0;
  for (int length = 1; length <= kMaxCodeLength; ++length) {
    const int count = spec.counts[length - 1];
    valueOffset_[length] = index - static_cast<int>(code);
    for (int i = 0; i < count; ++i, ++code, ++index) {
      if (code >= 1U << length) return false;
      if (isDc && values_[index] > 15) return false;
      if (length <= kLookupBits) {
        const int spare = kLookupBits - length;
        std::fill_n(symbols_.begin() + (code << spare), std::size_t{1} << spare,
                    Symbol{static_cast<std::uint8_t>(length), values_[index]});
      }
    }
    codeEnd_[length] = code << (kMaxCodeLength - length);
    code <<= 1;
  }
  pack();
  return true;
}

Symbol HuffmanTable::symbol(std::uint64_t bits) const {
  const Symbol found = symbols_[bits >> (64 - kLookupBits)];
  if (found.codeLength != 0) return found;
  const auto window = static_cast<std::uint32_t>(bits >> (64 - kMaxCodeLength));
  for (int length = kLookupBits + 1; length <= kMaxCodeLength; ++length) {
    if (window < codeEnd_[length]) {
      const int code = static_cast<int>(window >> (kMaxCodeLength - length));
      return {static_cast<std::uint8_t>(length), values_[code + valueOffset_[length]]};
    }
  }
  return {};
}

void HuffmanTable::pack() {
  for (std::uint32_t bits = 0; bits < kLookupSize; ++bits) packed_[bits] = packEntry(bits);
}

// As much of what the kLookupBits bits begin with as one entry can say.
std::uint64_t HuffmanTable::packEntry(std::uint32_t bits) const {
  const auto valueAt = [&](unsigned position, int size) {
    const std::uint32_t tail = bits >> (kLookupBits - position - size);
    return extend(static_cast<int>(tail & ((1U << size) - 1)), size);
  };
  const Symbol first = symbols_[bits];
  const int size = isDc_ ? first.value : sizeOf(first);
  unsigned length = first.codeLength + size;
  if (first.codeLength == 0 || length > kLookupBits) return entry::kOneSymbol;
  if (isDc_) return entry::make(length, false, 2, 0, 2, valueAt(first.codeLength, size), 0);
  if (endsBlock(first)) return entry::make(length, true, 0, 0, 0, 0, 0);

  const int value = valueAt(first.codeLength, size);
  const unsigned firstPlace = 2 * runOf(first);
  unsigned advance = firstPlace + 2;
  unsigned secondPlace = advance;
  int secondValue = 0;
  bool ends = false;
  // A second coefficient if it fits, then the end of the block if that fits too.
  for (int n = 0; n < 2 && length < kLookupBits; ++n) {
    const Symbol next = symbols_[bits << length & (kLookupSize - 1)];
    const int nextSize = sizeOf(next);
    if (next.codeLength == 0 || length + next.codeLength + nextSize > kLookupBits) break;
    if (endsBlock(next)) {
      length += next.codeLength;
      ends = true;
      break;
    }
    const unsigned place = advance + 2 * runOf(next);
    if (n == 1 || place + 2 >= kBlockBytes) break;
    secondValue = valueAt(length + next.codeLength, nextSize);
    secondPlace = place;
    advance = place + 2;
    length += next.codeLength + nextSize;
  }
  return entry::make(length, ends, advance, firstPlace, secondPlace, value, secondValue);
}

std::shared_ptr<const HuffmanTable> HuffmanCache::get(const HuffmanSpec& spec, bool isDc) {
  ++uses_;
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    if (slot.isDc == isDc && slot.spec.counts == spec.counts && slot.spec.symbols == spec.symbols) {
      slot.lastUse = uses_;
      return slot.table;
    }
    const bool idle = slot.table.use_count() == 1;
    if (idle && (oldest == nullptr || slot.lastUse < oldest->lastUse)) oldest = &slot;
  }
  if (oldest == nullptr || slots_.size() < kCacheSlots) {
    oldest = &slots_.emplace_back();
    oldest->table = std::make_shared<HuffmanTable>();
  }
  oldest->spec = spec;
  oldest->isDc = isDc;
  oldest->lastUse = uses_;
  if (!oldest->table->build(spec, isDc)) {
    oldest->spec = {};  // matches no table of a file: those have symbols
    return nullptr;
  }
  return oldest->table;
}

}  // namespace lungcls::jpeg_sparse
