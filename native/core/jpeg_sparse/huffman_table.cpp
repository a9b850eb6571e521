#include "huffman_table.hpp"

#include <algorithm>
#include <span>

namespace lungcls::jpeg_sparse {
namespace {

constexpr std::uint32_t kLookupSize = 1U << kLookupBits;
constexpr int kMaxCodeLength = 16;
// Two pairs an image, two images at a time, and as many again for a change of tables.
constexpr std::size_t kCacheSlots = 8;

constexpr int kRunMax = 15;

// The codes of a table in their order: calls `use` with the code's length, the code, and its index.
template <class Use>
void forEachCode(const HuffmanSpec& spec, const Use& use) {
  std::uint32_t code = 0;
  int index = 0;
  for (int length = 1; length <= kMaxCodeLength; ++length, code <<= 1) {
    for (int i = 0; i < spec.counts[length - 1]; ++i) use(length, code++, index++);
  }
}

// A symbol as a look-up sees it.
struct Meaning {
  int size;
  int run;
  bool ends;
};
Meaning meaningOf(int value, bool isDc) {
  if (isDc) return {.size = value, .run = 0, .ends = false};
  const int size = value & 15;
  const int run = value >> 4;
  // In a sequential scan all sizes of 0 end the block, but for the run of 16 zeros.
  return {.size = size, .run = run, .ends = size == 0 && run != kRunMax};
}

}  // namespace

// A code and its value, `length` bits together, which are `bits`.
struct Leaf {
  std::uint16_t bits;
  std::uint8_t length;
  std::uint8_t run;
  std::int8_t value;
  bool ends;
};

class Leaves {
 public:
  void set(const HuffmanSpec& spec, bool isDc) {
    std::array<int, kLookupBits + 1> next{};
    forEachCode(spec, [&](int length, std::uint32_t, int index) {
      const Meaning meaning = meaningOf(spec.symbols[index], isDc);
      if (fits(length, meaning)) next[length + meaning.size] += 1 << meaning.size;
    });
    int sum = 0;
    for (int length = 0; length <= kLookupBits; ++length) {
      const int count = next[length];
      next[length] = sum;
      upTo_[length] = sum += count;
    }
    end_ = {};
    forEachCode(spec, [&](int length, std::uint32_t code, int index) {
      const Meaning meaning = meaningOf(spec.symbols[index], isDc);
      if (!fits(length, meaning)) return;
      const int size = meaning.size;
      Leaf* to = &leaves_[next[length + size]];
      next[length + size] += 1 << size;
      for (int bits = 0; bits < 1 << size; ++bits) {
        *to++ = {.bits = static_cast<std::uint16_t>(code << size | static_cast<unsigned>(bits)),
                 .length = static_cast<std::uint8_t>(length + size),
                 .run = static_cast<std::uint8_t>(meaning.run),
                 .value = static_cast<std::int8_t>(extend(bits, size)),
                 .ends = meaning.ends};
      }
      if (meaning.ends && end_.length == 0) end_ = to[-1];
    });
  }

  [[nodiscard]] std::span<const Leaf> all() const { return upTo(kLookupBits); }
  // Those of at most so many bits.
  [[nodiscard]] std::span<const Leaf> upTo(int bits) const {
    return {leaves_.data(), static_cast<std::size_t>(upTo_[bits])};
  }
  // The shortest that ends the block; of length 0 if there is none.
  [[nodiscard]] const Leaf& end() const { return end_; }

 private:
  static bool fits(int length, const Meaning& meaning) {
    return length + meaning.size <= kLookupBits && 1 << meaning.size <= entry::kMaxFirst + 1;
  }

  std::array<Leaf, kLookupSize> leaves_;  // by length
  std::array<int, kLookupBits + 1> upTo_;
  Leaf end_{};
};

bool HuffmanTable::setCodes(const HuffmanSpec& spec, bool isDc) {
  isDc_ = isDc;
  packed_.fill(entry::kOneSymbol);
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
        std::fill_n(packed_.begin() + (code << spare), std::size_t{1} << spare,
                    entry::makeOneSymbol(static_cast<unsigned>(length), values_[index]));
      }
    }
    codeEnd_[length] = code << (kMaxCodeLength - length);
    code <<= 1;
  }
  return true;
}

Symbol HuffmanTable::symbol(std::uint64_t bits) const {
  const std::uint32_t e = packed(bits);
  const bool single = (e & 0xFFFF) == entry::kOneSymbol;
  if (single && e >> 24 != 0) {
    return {static_cast<std::uint8_t>(e >> 24), static_cast<std::uint8_t>(e >> 16)};
  }
  const auto window = static_cast<std::uint32_t>(bits >> (64 - kMaxCodeLength));
  for (int length = single ? kLookupBits + 1 : 1; length <= kMaxCodeLength; ++length) {
    if (window < codeEnd_[length]) {
      const int code = static_cast<int>(window >> (kMaxCodeLength - length));
      return {static_cast<std::uint8_t>(length), values_[code + valueOffset_[length]]};
    }
  }
  return {};
}

// Leaf by leaf rather than entry by entry: there are fewer, and files with tables of their own pay
// for this each time.
void HuffmanTable::pack(const Leaves& first, const Leaves& second) {
  const auto fill = [](std::uint32_t* at, int bits, std::uint32_t value) {
    for (std::uint32_t* const end = at + (std::size_t{1} << bits); at != end; ++at) *at = value;
  };
  const Leaf& end = second.end();
  for (const Leaf& a : first.all()) {
    const int spare = kLookupBits - a.length;
    std::uint32_t* const begin = packed_.data() + (std::size_t{a.bits} << spare);
    // That the block ends is said by an advance of 1 and a zero, which was there before.
    if (a.ends) {
      fill(begin, spare, entry::make(a.length, true, 1, 0, 0, 0));
      continue;
    }
    const std::uint32_t one = entry::make(a.length, false, a.run + 1U, a.run, a.value, 0);
    fill(begin, spare, one);
    for (const Leaf& b : second.upTo(spare)) {
      const int rest = spare - b.length;
      std::uint32_t* const at = begin + (std::size_t{b.bits} << rest);
      if (b.ends) {
        fill(at, rest, (one + b.length) | entry::kBlockEnd);
        continue;
      }
      if (b.value > entry::kMaxSecond || b.value < -entry::kMaxSecond) continue;
      const std::uint32_t both = entry::make(static_cast<unsigned>(a.length) + b.length, false,
                                             a.run + b.run + 2U, a.run, a.value, b.value);
      fill(at, rest, both);
      // Then the end of the block if that fits too.
      const int last = rest - end.length;
      if (end.ends && last >= 0) {
        fill(at + (std::size_t{end.bits} << last), last, (both + end.length) | entry::kBlockEnd);
      }
    }
  }
}

const HuffmanTable& HuffmanTable::parking() {
  static const auto table = [] {
    auto made = std::make_unique<HuffmanTable>();
    made->packed_.fill(entry::make(0, true, 1, 0, 0, 0));
    return made;
  }();
  return *table;
}

HuffmanCache::HuffmanCache()
    : dcLeaves_(std::make_unique<Leaves>()), acLeaves_(std::make_unique<Leaves>()) {}
HuffmanCache::~HuffmanCache() = default;

std::shared_ptr<const HuffmanTables> HuffmanCache::get(const HuffmanSpec& dc,
                                                       const HuffmanSpec& ac) {
  const auto same = [](const HuffmanSpec& a, const HuffmanSpec& b) {
    return a.counts == b.counts && a.symbols == b.symbols;
  };
  ++uses_;
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    if (same(slot.ac, ac) && same(slot.dc, dc)) {
      slot.lastUse = uses_;
      return slot.tables;
    }
    const bool idle = slot.tables.use_count() == 1;
    if (idle && (oldest == nullptr || slot.lastUse < oldest->lastUse)) oldest = &slot;
  }
  if (oldest == nullptr || slots_.size() < kCacheSlots) {
    oldest = &slots_.emplace_back();
    oldest->tables = std::make_shared<HuffmanTables>();
  }
  oldest->dc = dc;
  oldest->ac = ac;
  oldest->lastUse = uses_;
  if (!build(*oldest->tables, dc, ac)) {
    oldest->ac = {};  // matches no table of a file: those have symbols
    return nullptr;
  }
  return oldest->tables;
}

bool HuffmanCache::build(HuffmanTables& tables, const HuffmanSpec& dc, const HuffmanSpec& ac) {
  if (!tables.dc.setCodes(dc, true) || !tables.ac.setCodes(ac, false)) return false;
  dcLeaves_->set(dc, true);
  acLeaves_->set(ac, false);
  tables.dc.pack(*dcLeaves_, *acLeaves_);
  tables.ac.pack(*acLeaves_, *acLeaves_);
  return true;
}

}  // namespace lungcls::jpeg_sparse
