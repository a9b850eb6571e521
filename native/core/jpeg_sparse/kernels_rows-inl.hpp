// Rows of samples to rows of pixels. Included once for each target by kernels.cpp, after
// kernels_pairs-inl.hpp.

#if defined(LUNGCLS_KERNELS_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef LUNGCLS_KERNELS_ROWS_INL
#undef LUNGCLS_KERNELS_ROWS_INL
#else
#define LUNGCLS_KERNELS_ROWS_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace lungcls::jpeg_sparse::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kLanes16 = kVectorBytes / 2;
using DHalf8 = hn::Half<DU8>;

template <int kWindows>
HWY_INLINE void gatherWindows(const Gather& gather, const std::uint8_t* from, std::uint8_t* to,
                              int windows) {
  const hn::CappedTag<std::uint8_t, 16> d;
  const std::uint8_t* shuffle = gather.shuffles.data();
  for (const std::int32_t base : gather.bases) {
    auto sum = hn::TableLookupBytesOr0(hn::LoadU(d, from + base), hn::LoadU(d, shuffle));
    shuffle += 16;
    for (std::ptrdiff_t w = 1; w < (kWindows > 0 ? kWindows : windows); ++w, shuffle += 16) {
      sum = hn::Or(
          sum, hn::TableLookupBytesOr0(hn::LoadU(d, from + base + 16 * w), hn::LoadU(d, shuffle)));
    }
    hn::StoreU(sum, d, to);
    to += 16;
  }
}

static void gather(const Gather& gather, const std::uint8_t* from, std::uint8_t* to) {
#if HWY_TARGET == HWY_AVX3
  static const bool kWide = hasWideGather();
  if (kWide && !gather.wideBases.empty()) return gatherWide(gather, from, to);
#endif
  switch (gather.windows) {
    case 0:
      for (const std::int32_t position : gather.positions) *to++ = from[position];
      break;
    case 1:
      gatherWindows<1>(gather, from, to, 1);
      break;
    case 2:
      gatherWindows<2>(gather, from, to, 2);
      break;
    default:
      gatherWindows<0>(gather, from, to, gather.windows);
  }
}

HWY_INLINE V16 loadBytes(const std::uint8_t* from) {
  return hn::PromoteTo(D16(), hn::LoadU(DHalf8(), from));
}

HWY_INLINE V16 threeTimes(V16 v) {
  return hn::Add(hn::Add(v, v), v);
}

static void pickChroma(const PickChromaJob& job, std::uint16_t* to) {
  const ComponentPlan& plan = *job.plan;
  const bool mixed = !plan.far.positions.empty();
#if HWY_TARGET == HWY_AVX3
  static const bool kWide = hasWideGather();
  if (kWide && !plan.widePairs.bases.empty()) {
    return mixPairsWide(plan.widePairs, job.samples, mixed ? 3 : 1, mixed ? 1 : 0, to);
  }
#endif
  gather(plan.near, job.samples, job.near);
  if (mixed) gather(plan.far, job.samples, job.far);
  for (std::size_t x = 0; x < plan.near.positions.size(); x += kLanes16) {
    V16 sample = loadBytes(job.near + x);
    if (mixed) sample = hn::Add(threeTimes(sample), loadBytes(job.far + x));
    hn::StoreU(hn::BitCast(DU16(), sample), DU16(), to + x);
  }
}

// The chroma samples at kLanes16 pixels from `x` on, upsampled, minus 128.
template <Upsampling kUpsampling>
HWY_INLINE V16 chromaAt(const ChromaRows& rows, const ColourJob& job, std::size_t x) {
  const auto load = [x](const std::uint16_t* row)
                        HWY_ATTR { return hn::BitCast(D16(), hn::LoadU(DU16(), row + x)); };
  V16 sample = load(rows.near);
  if constexpr (kUpsampling == Upsampling::Columns) {
    sample = hn::ShiftRight<2>(hn::Add(sample, load(job.columnBias)));
  } else if constexpr (kUpsampling == Upsampling::Rows) {
    const V16 rowBias = hn::Set(D16(), static_cast<std::int16_t>(job.rowBias));
    sample = hn::ShiftRight<2>(hn::Add(hn::Add(threeTimes(sample), load(rows.far)), rowBias));
  } else if constexpr (kUpsampling == Upsampling::RowsColumns) {
    const V16 sum = hn::Add(threeTimes(sample), load(rows.far));
    sample = hn::ShiftRight<4>(hn::Add(sum, load(job.columnBias)));
  }
  return hn::Sub(sample, hn::Set(D16(), 128));
}

struct Rgb16 {
  V16 red;
  V16 green;
  V16 blue;
};

// High half of the product with a factor of 16 fractional bits, of twice the value, then halved
// with rounding: the same as (factor * value + 2^15) >> 16.
HWY_INLINE V16 scaled(V16 value, std::int16_t factor) {
  const V16 twice = hn::MulHigh(hn::Add(value, value), hn::Set(D16(), factor));
  return hn::ShiftRight<1>(hn::Add(twice, hn::Set(D16(), 1)));
}

// jdcolor.c, build_ycc_rgb_table: R = Y + 1.40200 Cr, B = Y + 1.77200 Cb, G = Y - 0.34414 Cb -
// 0.71414 Cr, factors in 16 fractional bits, each sum of products rounded once. A factor that does
// not fit into a signed 16-bit number is taken less 1 (2), and the value added once (twice)
// instead.
constexpr std::int16_t kRedFromRed = 91881 - 65536;         // 1.40200 - 1
constexpr std::int16_t kBlueFromBlue = 116130 - 2 * 65536;  // 1.77200 - 2
constexpr std::int16_t kGreenFromBlue = -22554;             // -0.34414
constexpr std::int16_t kGreenFromRed = 65536 - 46802;       // -0.71414 + 1

HWY_INLINE Rgb16 toRgb(V16 luma, V16 blue, V16 red) {
  const auto pair = static_cast<std::uint32_t>(static_cast<std::uint16_t>(kGreenFromBlue)) |
                    static_cast<std::uint32_t>(static_cast<std::uint16_t>(kGreenFromRed)) << 16;
  const V16 greenFactors = hn::BitCast(D16(), hn::Set(D32(), static_cast<std::int32_t>(pair)));
  const V32 half = hn::Set(D32(), 1 << 15);
  const V32 low = dot(hn::InterleaveLower(D16(), blue, red), greenFactors, half);
  const V32 high = dot(hn::InterleaveUpper(D16(), blue, red), greenFactors, half);
  const V16 green = hn::ReorderDemote2To(D16(), hn::ShiftRight<16>(low), hn::ShiftRight<16>(high));
  return {hn::Add(hn::Add(luma, red), scaled(red, kRedFromRed)), hn::Add(luma, hn::Sub(green, red)),
          hn::Add(hn::Add(luma, hn::Add(blue, blue)), scaled(blue, kBlueFromBlue))};
}

template <Upsampling kUpsampling>
HWY_INLINE Rgb16 pixelsAt(const ColourJob& job, std::size_t x) {
  return toRgb(loadBytes(job.luma + x), chromaAt<kUpsampling>(job.blue, job, x),
               chromaAt<kUpsampling>(job.red, job, x));
}

// Clamped to bytes, in order.
HWY_INLINE VU8 toBytes(V16 low, V16 high) {
  return hn::Combine(DU8(), hn::DemoteTo(DHalf8(), high), hn::DemoteTo(DHalf8(), low));
}

struct Rgb8 {
  VU8 red;
  VU8 green;
  VU8 blue;
};

// Interleaved; no byte beyond 3 * count is written.
template <class PixelsAt>
HWY_INLINE void storePixels(std::size_t count, std::uint8_t* rgb, const PixelsAt& at) {
  constexpr std::size_t kLanes = kVectorBytes;
  std::size_t x = 0;
  for (; x + kLanes <= count; x += kLanes) {
    const Rgb8 pixels = at(x);
    hn::StoreInterleaved3(pixels.red, pixels.green, pixels.blue, DU8(), rgb + 3 * x);
  }
  if (x == count) return;
  HWY_ALIGN std::uint8_t rest[3 * kLanes];
  const Rgb8 pixels = at(x);
  hn::StoreInterleaved3(pixels.red, pixels.green, pixels.blue, DU8(), rest);
  std::memcpy(rgb + 3 * x, rest, 3 * (count - x));
}

template <Upsampling kUpsampling>
void colourPixelsBy(const ColourJob& job, std::uint8_t* rgb) {
  storePixels(job.count, rgb, [&](std::size_t x) HWY_ATTR {
    const Rgb16 low = pixelsAt<kUpsampling>(job, x);
    const Rgb16 high = pixelsAt<kUpsampling>(job, x + kLanes16);
    return Rgb8{toBytes(low.red, high.red), toBytes(low.green, high.green),
                toBytes(low.blue, high.blue)};
  });
}

template <Upsampling kUpsampling>
void colourPlanesBy(const ColourJob& job, std::uint8_t* const planes[3]) {
  for (std::size_t x = 0; x < job.count; x += kLanes16) {
    const Rgb16 pixels = pixelsAt<kUpsampling>(job, x);
    hn::StoreU(hn::DemoteTo(DHalf8(), pixels.red), DHalf8(), planes[0] + x);
    hn::StoreU(hn::DemoteTo(DHalf8(), pixels.green), DHalf8(), planes[1] + x);
    hn::StoreU(hn::DemoteTo(DHalf8(), pixels.blue), DHalf8(), planes[2] + x);
  }
}

static void colourPixels(const ColourJob& job, std::uint8_t* rgb) {
  switch (job.upsampling) {
    case Upsampling::Repeat:
      return colourPixelsBy<Upsampling::Repeat>(job, rgb);
    case Upsampling::Columns:
      return colourPixelsBy<Upsampling::Columns>(job, rgb);
    case Upsampling::Rows:
      return colourPixelsBy<Upsampling::Rows>(job, rgb);
    case Upsampling::RowsColumns:
      return colourPixelsBy<Upsampling::RowsColumns>(job, rgb);
  }
}

static void colourPlanes(const ColourJob& job, std::uint8_t* const planes[3]) {
  switch (job.upsampling) {
    case Upsampling::Repeat:
      return colourPlanesBy<Upsampling::Repeat>(job, planes);
    case Upsampling::Columns:
      return colourPlanesBy<Upsampling::Columns>(job, planes);
    case Upsampling::Rows:
      return colourPlanesBy<Upsampling::Rows>(job, planes);
    case Upsampling::RowsColumns:
      return colourPlanesBy<Upsampling::RowsColumns>(job, planes);
  }
}

static void greyPixels(const std::uint8_t* luma, std::size_t count, std::uint8_t* rgb) {
  storePixels(count, rgb, [&](std::size_t x) HWY_ATTR {
    const VU8 grey = hn::LoadU(DU8(), luma + x);
    return Rgb8{grey, grey, grey};
  });
}

static void mixColumns(const MixColumnsJob& job, std::int16_t* to) {
  const Plan& plan = *job.plan;
  const int shift = plan.method == ResizeMethod::Average ? 0 : 4;
#if HWY_TARGET == HWY_AVX3
  static const bool kWide = hasWideGather();
  if (kWide && !plan.wideMix.bases.empty()) {
    return mixColumnsWide(plan.wideMix, job.pixels, shift, to);
  }
#endif
  gather(plan.left, job.pixels, job.left);
  gather(plan.right, job.pixels, job.right);
  const auto mix = [&](V16 pairs, V16 weights) HWY_ATTR {
    return hn::ShiftRightSame(dot(pairs, weights, hn::Zero(D32())), shift);
  };
  const auto count = static_cast<std::size_t>(plan.geometry.outWidth);
  for (std::size_t x = 0; x < count; x += kLanes16) {
    const V16 left = loadBytes(job.left + x);
    const V16 right = loadBytes(job.right + x);
    const V16 leftWeight = hn::LoadU(D16(), plan.leftWeights.data() + x);
    const V16 rightWeight = hn::LoadU(D16(), plan.rightWeights.data() + x);
    const V32 low = mix(hn::InterleaveLower(D16(), left, right),
                        hn::InterleaveLower(D16(), leftWeight, rightWeight));
    const V32 high = mix(hn::InterleaveUpper(D16(), left, right),
                         hn::InterleaveUpper(D16(), leftWeight, rightWeight));
    hn::StoreU(hn::ReorderDemote2To(D16(), low, high), D16(), to + x);
  }
}

// OpenCV's VResizeLinear for bytes: ((w0 * (s0 >> 4)) >> 16) + ((w1 * (s1 >> 4)) >> 16) + 2) >> 2;
// its
// >> 4 is done by mixColumns already.
static void mixRows(const MixRowsJob& job, std::uint8_t* rgb) {
  const V16 aboveWeight = hn::Set(D16(), static_cast<std::int16_t>(job.aboveWeight));
  const V16 belowWeight = hn::Set(D16(), static_cast<std::int16_t>(job.belowWeight));
  const V16 two = hn::Set(D16(), 2);
  const auto mix = [&](int channel, std::size_t x) HWY_ATTR {
    V16 above = hn::LoadU(D16(), job.above[channel] + x);
    V16 below = hn::LoadU(D16(), job.below[channel] + x);
    if (!job.average) {
      above = hn::MulHigh(above, aboveWeight);
      below = hn::MulHigh(below, belowWeight);
    }
    return hn::ShiftRight<2>(hn::Add(hn::Add(above, below), two));
  };
  const auto mixTwo = [&](int channel, std::size_t x)
                          HWY_ATTR { return toBytes(mix(channel, x), mix(channel, x + kLanes16)); };
  storePixels(job.count, rgb, [&](std::size_t x) HWY_ATTR {
    return Rgb8{mixTwo(0, x), mixTwo(1, x), mixTwo(2, x)};
  });
}

}  // namespace lungcls::jpeg_sparse::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
