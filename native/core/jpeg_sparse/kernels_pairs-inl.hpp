// Vector types, and the coefficients of blocks as the inverse DCT takes them. Included once for
// each target by kernels.cpp, before the other kernels.
//
// A block's coefficients are loaded as pairs (rows r and r + 4 of a column), so that a 1-D
// transform is a few dot products of pairs.

#if defined(LUNGCLS_KERNELS_PAIRS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef LUNGCLS_KERNELS_PAIRS_INL
#undef LUNGCLS_KERNELS_PAIRS_INL
#else
#define LUNGCLS_KERNELS_PAIRS_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace lungcls::jpeg_sparse::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using D16 = hn::ScalableTag<std::int16_t>;
using DU16 = hn::ScalableTag<std::uint16_t>;
using DU8 = hn::ScalableTag<std::uint8_t>;
using V32 = hn::Vec<D32>;
using V16 = hn::Vec<D16>;
using VU16 = hn::Vec<DU16>;
using VU8 = hn::Vec<DU8>;

constexpr int kVectorBytes = HWY_MAX_BYTES;
// Octets side by side in a vector of 32-bit lanes, or (128 bits) vectors for one.
constexpr int kOctetsPerVector = kVectorBytes == 64 ? 2 : 1;
constexpr int kVectorsPerOctet = kVectorBytes == 16 ? 2 : 1;

// Sums of products of pairs, lane by lane.
HWY_INLINE V32 dot(V16 a, V16 b, V32 sum) {
  V32 rest = hn::Zero(D32());
  const V32 total = hn::ReorderWidenMulAccumulate(D32(), a, b, sum, rest);
  return hn::RearrangeToOddPlusEven(total, rest);
}

// A pair of matrix entries in all lanes.
HWY_INLINE V16 pairOf(const DctMatrix& matrix, int j, int first, int second) {
  const auto low = static_cast<std::uint16_t>(matrix[j][first]);
  const auto high = static_cast<std::uint16_t>(matrix[j][second]);
  return hn::BitCast(D16(),
                     hn::Set(D32(), static_cast<std::int32_t>(low | std::uint32_t{high} << 16)));
}

// Out-of-range findings, collected without branches.
struct RangeCheck {
  VU16 beyondLimits;
  VU16 magnitudes;

  // Written out, because a constructor that the compiler adds is not compiled for the target.
  HWY_INLINE RangeCheck() : beyondLimits(hn::Zero(DU16())), magnitudes(hn::Zero(DU16())) {}
  // The largest coefficients of some blocks, each at its place.
  HWY_INLINE void coefficients(VU16 largest, const std::uint16_t* limits) {
    beyondLimits = hn::Or(beyondLimits, hn::SaturatedSub(largest, hn::LoadU(DU16(), limits)));
  }
  HWY_INLINE void intermediate(V16 values) {
    magnitudes = hn::Or(magnitudes, hn::BitCast(DU16(), hn::Abs(values)));
  }
  [[nodiscard]] HWY_INLINE bool passed() const {
    static_assert((kExactBound & (kExactBound + 1)) == 0);
    const VU16 high =
        hn::And(magnitudes, hn::Set(DU16(), static_cast<std::uint16_t>(~kExactBound)));
    return hn::AllTrue(DU16(), hn::Eq(hn::Or(high, beyondLimits), hn::Zero(DU16())));
  }
};

// Dequantised coefficients of one block (two: one of each octet, with 512 bits; half of one's
// columns with 128), one vector a pair of rows.
struct Pairs {
  V16 rows[4];
};

// Vectors of coefficients in a block (with 128 bits, in half of one's columns).
constexpr int kVectorsPerBlock = kVectorBytes == 64 ? 2 : 4;

// The largest coefficients of the blocks of an octet, place by place: one comparison with the
// limits for all of them.
class Largest {
 public:
  HWY_INLINE Largest() {
    for (VU16& place : places_) place = hn::Zero(DU16());
  }
  HWY_INLINE void add(int vector, V16 values) {
    places_[vector] = hn::Max(places_[vector], hn::BitCast(DU16(), hn::Abs(values)));
  }
  HWY_INLINE void check(const Dequantizer& dequantizer, int half, RangeCheck& check) const {
    for (int i = 0; i < kVectorsPerBlock; ++i) {
      check.coefficients(places_[i], dequantizer.limits.data() + placeOf(i, half));
    }
  }
  static HWY_INLINE std::size_t placeOf(int vector, int half) {
    const int place = kBlockSize / kVectorsPerBlock * vector + 8 * half;
    return static_cast<std::size_t>(place);
  }

 private:
  VU16 places_[kVectorsPerBlock];
};

HWY_INLINE V16 dequantize(V16 values, int vector, int half, const Dequantizer& dequantizer,
                          Largest& largest) {
  largest.add(vector, values);
  return hn::Mul(values,
                 hn::LoadU(D16(), dequantizer.steps.data() + Largest::placeOf(vector, half)));
}

// Leaves zeros in memory for the next batch: while the block is in the first-level cache.
HWY_INLINE Pairs takePairs(const Octet* octets, int block, int half, Largest* largest) {
  Pairs pairs;
  std::int16_t* from = octets[0].coefficients + octets[0].offsets[block];
  const V16 zero = hn::Zero(D16());
#if HWY_MAX_BYTES == 64
  // Two rows at a time of either block, then one row of both. The two may be the same.
  std::int16_t* other = octets[1].coefficients + octets[1].offsets[block];
  for (int i = 0; i < kVectorsPerBlock; ++i) {
    const std::size_t place = Largest::placeOf(i, half);
    const V16 one = hn::LoadU(D16(), from + place);
    const V16 two = hn::LoadU(D16(), other + place);
    hn::StoreU(zero, D16(), from + place);
    hn::StoreU(zero, D16(), other + place);
    const V16 a = dequantize(one, i, half, *octets[0].dequantizer, largest[0]);
    const V16 b = dequantize(two, i, half, *octets[1].dequantizer, largest[1]);
    pairs.rows[2 * i] = hn::ConcatLowerLower(D16(), b, a);
    pairs.rows[2 * i + 1] = hn::ConcatUpperUpper(D16(), b, a);
  }
#else
  for (int i = 0; i < kVectorsPerBlock; ++i) {
    const std::size_t place = Largest::placeOf(i, half);
    const V16 values = hn::LoadU(D16(), from + place);
    hn::StoreU(zero, D16(), from + place);
    pairs.rows[i] = dequantize(values, i, half, *octets[0].dequantizer, largest[half]);
  }
#endif
  return pairs;
}

}  // namespace lungcls::jpeg_sparse::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
