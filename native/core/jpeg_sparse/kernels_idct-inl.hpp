// Inverse DCT of octets of blocks. Included once for each target by kernels.cpp, after
// kernels_pairs-inl.hpp.
//
// Pass 1 makes the needed rows of each block, from pairs of its coefficients; pass 2 then has 8
// values a row, in pairs again, transposed such that a vector holds one pair of each of several
// blocks.

#if defined(LUNGCLS_KERNELS_IDCT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef LUNGCLS_KERNELS_IDCT_INL
#undef LUNGCLS_KERNELS_IDCT_INL
#else
#define LUNGCLS_KERNELS_IDCT_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace lungcls::jpeg_sparse::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Results of pass 1: by row of the block, then four vectors (of two blocks each) an octet, twice as
// many with 128 bits.
struct Intermediate {
  HWY_ALIGN std::int16_t rows[8][4 * kVectorsPerOctet][kVectorBytes / 2];
};

class Pass1 {
 public:
  explicit HWY_INLINE Pass1(const DctMatrix& matrix) {
    for (int j = 0; j < 4; ++j) {
      for (int p = 0; p < 4; ++p) weights_[j][p] = pairOf(matrix, j, p, p + 4);
    }
  }

  // Two blocks (or as many as two registers hold) at a time, packed side by side.
  HWY_INLINE void run(const Pairs& a, const Pairs& b, std::uint8_t rows, int vector,
                      Intermediate& out, RangeCheck& check) const {
    for (int j = 0; j < 4; ++j) {
      const bool upper = (rows >> j & 1) != 0;
      const bool lower = (rows >> (7 - j) & 1) != 0;
      if (!upper && !lower) continue;
      V32 evenA;
      V32 oddA;
      V32 evenB;
      V32 oddB;
      parts(a, j, evenA, oddA);
      parts(b, j, evenB, oddB);
      if (upper) {
        finish(hn::Add(evenA, oddA), hn::Add(evenB, oddB), out.rows[j][vector], check);
      }
      if (lower) {
        finish(hn::Sub(evenA, oddA), hn::Sub(evenB, oddB), out.rows[7 - j][vector], check);
      }
    }
  }

 private:
  HWY_INLINE void parts(const Pairs& pairs, int j, V32& even, V32& odd) const {
    even = dot(pairs.rows[0], weights_[j][0], hn::Set(D32(), 1 << (kPass1Shift - 1)));
    even = dot(pairs.rows[2], weights_[j][2], even);
    odd = dot(pairs.rows[1], weights_[j][1], hn::Zero(D32()));
    odd = dot(pairs.rows[3], weights_[j][3], odd);
  }
  static HWY_INLINE void finish(V32 a, V32 b, std::int16_t* to, RangeCheck& check) {
    const V16 row =
        hn::ReorderDemote2To(D16(), hn::ShiftRight<kPass1Shift>(a), hn::ShiftRight<kPass1Shift>(b));
    check.intermediate(row);
    hn::Store(row, D16(), to);
  }

  V16 weights_[4][4];
};

HWY_INLINE V16 interleaveEven(V16 a, V16 b) {
  const V32 x = hn::BitCast(D32(), a);
  const V32 y = hn::BitCast(D32(), b);
  return hn::BitCast(D16(), hn::OddEven(hn::DupEven(y), x));
}

HWY_INLINE V16 interleaveOdd(V16 a, V16 b) {
  const V32 x = hn::BitCast(D32(), a);
  const V32 y = hn::BitCast(D32(), b);
  return hn::BitCast(D16(), hn::OddEven(y, hn::DupOdd(x)));
}

// One row of several blocks: vector p holds the p-th pair of values of each block.
struct RowPairs {
  V16 pairs[4];
};

#if HWY_MAX_BYTES == 16
HWY_INLINE RowPairs transpose(const std::int16_t (*row)[kVectorBytes / 2], int part) {
  RowPairs out;
  const std::size_t first = 4 * static_cast<std::size_t>(part);
  for (std::size_t half = 0; half < 2; ++half) {
    const V16 a = hn::Load(D16(), row[first + half]);
    const V16 b = hn::Load(D16(), row[first + 2 + half]);
    out.pairs[2 * half] = interleaveEven(a, b);
    out.pairs[2 * half + 1] = interleaveOdd(a, b);
  }
  return out;
}
#else
// 128-bit parts 0 and 2 (of each half, with 512 bits) of `low`, then those of `high`.
HWY_INLINE V16 lowerParts(V16 low, V16 high) {
#if HWY_MAX_BYTES == 64
  const __m512i index = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  return V16{_mm512_permutex2var_epi64(low.raw, index, high.raw)};
#else
  return hn::ConcatLowerLower(D16(), high, low);
#endif
}
HWY_INLINE V16 upperParts(V16 low, V16 high) {
#if HWY_MAX_BYTES == 64
  const __m512i index = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  return V16{_mm512_permutex2var_epi64(low.raw, index, high.raw)};
#else
  return hn::ConcatUpperUpper(D16(), high, low);
#endif
}

HWY_INLINE RowPairs transpose(const std::int16_t (*row)[kVectorBytes / 2], int) {
  const V16 a = hn::Load(D16(), row[0]);
  const V16 b = hn::Load(D16(), row[1]);
  const V16 c = hn::Load(D16(), row[2]);
  const V16 d = hn::Load(D16(), row[3]);
  const V16 lowEven = interleaveEven(a, b);
  const V16 lowOdd = interleaveOdd(a, b);
  const V16 highEven = interleaveEven(c, d);
  const V16 highOdd = interleaveOdd(c, d);
  return {{lowerParts(lowEven, highEven), lowerParts(lowOdd, highOdd),
           upperParts(lowEven, highEven), upperParts(lowOdd, highOdd)}};
}
#endif

constexpr std::int32_t kPass2Round = (128 << kPass2Shift) + (1 << (kPass2Shift - 1));

HWY_INLINE V16 finishPair(V32 a, V32 b) {
  return hn::ReorderDemote2To(D16(), hn::ShiftRight<kPass2Shift>(a),
                              hn::ShiftRight<kPass2Shift>(b));
}

// Clamped to bytes: in each 128 bits, those of `a`, then those of `b`.
HWY_INLINE VU8 packBytes(V16 a, V16 b) {
#if HWY_MAX_BYTES == 64
  return VU8{_mm512_packus_epi16(a.raw, b.raw)};
#elif HWY_MAX_BYTES == 32
  return VU8{_mm256_packus_epi16(a.raw, b.raw)};
#else
  const hn::Half<DU8> half;
  return hn::Combine(DU8(), hn::DemoteTo(half, b), hn::DemoteTo(half, a));
#endif
}

// Four samples of each block to bytes: in each 128 bits, [sample][block of 4].
HWY_INLINE VU8 finishQuad(V32 a, V32 b, V32 c, V32 d) {
  return packBytes(finishPair(a, b), finishPair(c, d));
}

// The weights of one pair of columns of the vector's blocks.
HWY_INLINE V16 loadWeights(const Octet* octets, std::size_t row, int part) {
  constexpr std::size_t kOctetWeights = 16;
#if HWY_MAX_BYTES == 64
  const hn::Half<D16> half;
  return hn::Combine(D16(), hn::LoadU(half, octets[1].weights + row * kOctetWeights),
                     hn::LoadU(half, octets[0].weights + row * kOctetWeights));
#else
  return hn::LoadU(D16(),
                   octets[0].weights + row * kOctetWeights + 8 * static_cast<std::size_t>(part));
#endif
}

HWY_INLINE void sparseRow(const RowPairs& row, const Octet* octets, int slots, std::size_t offset,
                          int part) {
  const V32 round = hn::Set(D32(), kPass2Round);
  V32 sums[4] = {round, round, round, round};
  for (int slot = 0; slot < slots; ++slot) {
    const std::size_t weights = static_cast<std::size_t>(slot) * 4;
    V32 sum = dot(row.pairs[0], loadWeights(octets, weights, part), round);
    V32 other = dot(row.pairs[1], loadWeights(octets, weights + 1, part), hn::Zero(D32()));
    sum = dot(row.pairs[2], loadWeights(octets, weights + 2, part), sum);
    other = dot(row.pairs[3], loadWeights(octets, weights + 3, part), other);
    sums[slot] = hn::Add(sum, other);
  }
  const VU8 bytes = finishQuad(sums[0], sums[1], sums[2], sums[3]);
#if HWY_MAX_BYTES == 64
  const hn::Half<DU8> half;
  hn::StoreU(hn::LowerHalf(half, bytes), half, octets[0].out + offset);
  hn::StoreU(hn::UpperHalf(half, bytes), half, octets[1].out + offset);
#else
  hn::StoreU(bytes, DU8(), octets[0].out + offset + 16 * static_cast<std::size_t>(part));
#endif
}

class DensePass2 {
 public:
  explicit HWY_INLINE DensePass2(const DctMatrix& matrix) {
    for (int i = 0; i < 4; ++i) {
      for (std::size_t p = 0; p < 4; ++p) {
        weights_[i][p] = pairOf(matrix, i, kColumnOrder[2 * p], kColumnOrder[2 * p + 1]);
      }
    }
  }

  HWY_INLINE void run(const RowPairs& row, const Octet* octets, std::size_t offset,
                      int part) const {
    V32 out[8];
    for (int i = 0; i < 4; ++i) {
      // The first two pairs of columns are even ones, the others odd (kColumnOrder).
      V32 even = dot(row.pairs[0], weights_[i][0], hn::Set(D32(), kPass2Round));
      V32 odd = dot(row.pairs[2], weights_[i][2], hn::Zero(D32()));
      even = dot(row.pairs[1], weights_[i][1], even);
      odd = dot(row.pairs[3], weights_[i][3], odd);
      out[i] = hn::Add(even, odd);
      out[7 - i] = hn::Sub(even, odd);
    }
    const V32 left = gatherBlocks(finishQuad(out[0], out[1], out[2], out[3]));
    const V32 right = gatherBlocks(finishQuad(out[4], out[5], out[6], out[7]));
    // Two blocks of 8 samples in each 128 bits.
    const VU8 first = hn::BitCast(DU8(), hn::InterleaveLower(D32(), left, right));
    const VU8 second = hn::BitCast(DU8(), hn::InterleaveUpper(D32(), left, right));
#if HWY_MAX_BYTES == 64
    const hn::Half<DU8> half;
    storeOctet(hn::LowerHalf(half, first), hn::LowerHalf(half, second), octets[0].out + offset);
    storeOctet(hn::UpperHalf(half, first), hn::UpperHalf(half, second), octets[1].out + offset);
#elif HWY_MAX_BYTES == 32
    static_cast<void>(part);
    storeOctet(first, second, octets[0].out + offset);
#else
    std::uint8_t* to = octets[0].out + offset + 32 * static_cast<std::size_t>(part);
    hn::StoreU(first, DU8(), to);
    hn::StoreU(second, DU8(), to + 16);
#endif
  }

 private:
  // From [sample][block] to [block][sample].
  static HWY_INLINE V32 gatherBlocks(VU8 bytes) {
    HWY_ALIGN static constexpr std::uint8_t kTranspose[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                              2, 6, 10, 14, 3, 7, 11, 15};
    return hn::BitCast(D32(), hn::TableLookupBytes(bytes, hn::LoadDup128(DU8(), kTranspose)));
  }
#if HWY_MAX_BYTES >= 32
  template <class V>
  static HWY_INLINE void storeOctet(V first, V second, std::uint8_t* to) {
    const hn::DFromV<V> d;
    hn::StoreU(hn::ConcatLowerLower(d, second, first), d, to);
    hn::StoreU(hn::ConcatUpperUpper(d, second, first), d, to + 32);
  }
#endif

  V16 weights_[4][4];
};

template <bool kDense>
HWY_INLINE void runPass2(const InverseDctJob& job, const Octet* octets, const Intermediate& rows,
                         const DensePass2& dense) {
  std::size_t offset = 0;
  for (int j = 0; j < 8; ++j) {
    if ((job.rows >> j & 1) == 0) continue;
    for (int part = 0; part < kVectorsPerOctet; ++part) {
      const RowPairs row = transpose(rows.rows[j], part);
      if constexpr (kDense) {
        dense.run(row, octets, offset, part);
      } else {
        sparseRow(row, octets, job.slots, offset, part);
      }
    }
    offset += job.stride;
  }
}

// Of the octet, in the order of packing: so that interleaving puts them into their natural order.
constexpr int kPackedBlocks[4][2] = {{0, 2}, {1, 3}, {4, 6}, {5, 7}};

static bool inverseDct(const InverseDctJob& job) {
  static const DctMatrix kMatrix = makeDctMatrix();
  const Pass1 pass1(kMatrix);
  const DensePass2 dense(kMatrix);
  RangeCheck check;
  Intermediate rows;
  for (std::size_t i = 0; i < job.octets.size(); i += kOctetsPerVector) {
    // An odd one out goes together with itself.
    Octet octets[2] = {job.octets[i], job.octets[std::min(i + 1, job.octets.size() - 1)]};
    // With 512 bits one an octet, with 128 bits one a half.
    Largest largest[2];
    for (int vector = 0; vector < 4; ++vector) {
      for (int half = 0; half < kVectorsPerOctet; ++half) {
        const Pairs a = takePairs(octets, kPackedBlocks[vector][0], half, largest);
        const Pairs b = takePairs(octets, kPackedBlocks[vector][1], half, largest);
        pass1.run(a, b, job.rows, vector * kVectorsPerOctet + half, rows, check);
      }
    }
    largest[0].check(*octets[0].dequantizer, 0, check);
    if (kVectorBytes == 64) largest[1].check(*octets[1].dequantizer, 0, check);
    if (kVectorBytes == 16) largest[1].check(*octets[0].dequantizer, 1, check);
    if (job.slots == 0) {
      runPass2<true>(job, octets, rows, dense);
    } else {
      runPass2<false>(job, octets, rows, dense);
    }
  }
  return check.passed();
}

}  // namespace lungcls::jpeg_sparse::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
