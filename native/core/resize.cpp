#include "resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lungcls {
namespace {

// OpenCV's INTER_RESIZE_COEF_SCALE: weights have 11 fractional bits.
constexpr float kWeightScale = 2048.0F;
constexpr std::int16_t kOne = 2048;

// saturate_cast<short>(float): to the nearest, ties to even. The weights lie in 0 to 2048.
std::int16_t roundWeight(float weight) {
  return static_cast<std::int16_t>(std::nearbyintf(weight * kWeightScale));
}

struct Position {
  int index;       // of the first of the two source samples, may be -1
  float fraction;  // of the way to the second
};

// OpenCV computes the scale as the reciprocal of a quotient, which rounds differently from from/to.
double scaleOf(int from, int to) {
  return 1.0 / (static_cast<double>(to) / from);
}

// Where output sample `i` lies among the source samples, in the mixture of double and float that
// OpenCV uses. Linear: pixel centres at half-integers. Area, where an axis grows: the pixel that
// covers the beginning of the output pixel, and the next one as far as it covers of it.
Position positionOf(int i, int from, int to, Interpolation interpolation) {
  const double scale = scaleOf(from, to);
  if (interpolation == Interpolation::Area) {
    const int index = static_cast<int>(std::floor(i * scale));
    const auto fraction =
        static_cast<float>((i + 1) - (index + 1) * (static_cast<double>(to) / from));
    return {index, fraction <= 0 ? 0.0F : fraction - std::floor(fraction)};
  }
  const auto at = static_cast<float>((i + 0.5) * scale - 0.5);
  const float whole = std::floor(at);
  return {static_cast<int>(whole), at - whole};
}

// In 16 bits throughout, so that compilers take the multiplication that keeps the upper half.
void mixRows(const std::int16_t* __restrict above, const std::int16_t* __restrict below,
             std::int16_t aboveWeight, std::int16_t belowWeight, std::uint8_t* __restrict to,
             std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto upper = static_cast<std::int16_t>((aboveWeight * above[i]) >> 16);
    const auto lower = static_cast<std::int16_t>((belowWeight * below[i]) >> 16);
    to[i] = static_cast<std::uint8_t>(static_cast<std::int16_t>(upper + lower + 2) >> 2);
  }
}

#if defined(__SSE2__)
// Mixes the pixel at `from` with the one behind it. Reads eight bytes, writes four numbers.
void mixPixels(const std::uint8_t* from, std::int16_t leftWeight, std::int16_t rightWeight,
               std::int16_t* to) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  const __m128i left = _mm_unpacklo_epi8(bytes, _mm_setzero_si128());
  const __m128i right = _mm_srli_si128(left, kChannels * sizeof(std::int16_t));
  const __m128i weights =
      _mm_set1_epi32((rightWeight << 16) | static_cast<std::uint16_t>(leftWeight));
  const __m128i sums = _mm_madd_epi16(_mm_unpacklo_epi16(left, right), weights);
  const __m128i mixed = _mm_srai_epi32(sums, 4);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(mixed, mixed));
}
#endif

}  // namespace

void ResizePlan::prepare(int fromWidth, int fromHeight, int toWidth, int toHeight,
                         Interpolation interpolation) {
  mixedRow_[0] = mixedRow_[1] = -1;
  if (fromWidth == fromWidth_ && fromHeight == fromHeight_ && toWidth == toWidth_ &&
      toHeight == toHeight_ && interpolation == interpolation_) {
    return;
  }
  interpolation_ = interpolation;
  fromWidth_ = fromWidth;
  fromHeight_ = fromHeight;
  toWidth_ = toWidth;
  toHeight_ = toHeight;
  if (fromWidth == toWidth && fromHeight == toHeight) {
    method_ = Method::Copy;
    return;
  }
  if (fromWidth == 2 * toWidth && fromHeight == 2 * toHeight) {
    method_ = Method::HalfArea;
    return;
  }
  const double scaleX = scaleOf(fromWidth, toWidth);
  const double scaleY = scaleOf(fromHeight, toHeight);
  if (interpolation == Interpolation::Area && scaleX >= 1 && scaleY >= 1) {
    method_ = Method::Area;
    area_.prepare(fromWidth, fromHeight, toWidth, toHeight, scaleX, scaleY);
    return;
  }
  prepareTaps();
}

void ResizePlan::prepareTaps() {
  bool pick = true;
  columns_.resize(static_cast<std::size_t>(toWidth_));
  for (int x = 0; x < toWidth_; ++x) {
    auto [index, fraction] = positionOf(x, fromWidth_, toWidth_, interpolation_);
    // Beyond the outermost pixel centres there is nothing to mix with.
    if (index < 0) {
      index = 0;
      fraction = 0;
    }
    if (index >= fromWidth_ - 1) {
      index = fromWidth_ - 1;
      fraction = 0;
    }
    const int next = std::min(index + 1, fromWidth_ - 1);
    columns_[x] = {index * kChannels, next * kChannels, roundWeight(1.0F - fraction),
                   roundWeight(fraction)};
    pick = pick && columns_[x].leftWeight == kOne;
  }
  // Vector code reads eight bytes from the left pixel on, and writes one number into the next
  // column.
  const int lastWide = fromWidth_ * kChannels - 8;
  wideColumns_ = 0;
  while (wideColumns_ + 1 < columns_.size() && columns_[wideColumns_].left <= lastWide) {
    ++wideColumns_;
  }
  rows_.resize(static_cast<std::size_t>(toHeight_));
  for (int y = 0; y < toHeight_; ++y) {
    // Unlike columns, rows beyond the border keep their weights and mix the outermost row with
    // itself; the two roundings may then lose a unit.
    const auto [index, fraction] = positionOf(y, fromHeight_, toHeight_, interpolation_);
    rows_[y] = {std::clamp(index, 0, fromHeight_ - 1), std::clamp(index + 1, 0, fromHeight_ - 1),
                roundWeight(1.0F - fraction), roundWeight(fraction)};
    pick = pick && rows_[y].aboveWeight == kOne;
  }
  method_ = pick ? Method::Pick : Method::Linear;
  for (auto& row : mixed_) row.resize(static_cast<std::size_t>(toWidth_) * kChannels);
}

void ResizePlan::run(const std::uint8_t* from, std::uint8_t* to) {
  switch (method_) {
    case Method::Copy:
      std::memcpy(to, from, static_cast<std::size_t>(toWidth_) * toHeight_ * kChannels);
      break;
    case Method::Pick:
      runPick(from, to);
      break;
    case Method::HalfArea:
      runHalfArea(from, to);
      break;
    case Method::Area:
      area_.run(from, to);
      break;
    case Method::Linear:
      runLinear(from, to);
      break;
  }
}

// All weights are 0 or 1 (such as at one third of the size): the arithmetic below gives back the
// source pixel unchanged.
void ResizePlan::runPick(const std::uint8_t* from, std::uint8_t* to) const {
  const std::size_t stride = static_cast<std::size_t>(fromWidth_) * kChannels;
  for (const Row& row : rows_) {
    const std::uint8_t* line = from + stride * row.above;
    for (const Column& column : columns_) {
      to[0] = line[column.left];
      to[1] = line[column.left + 1];
      to[2] = line[column.left + 2];
      to += kChannels;
    }
  }
}

// At exactly half the size OpenCV takes INTER_LINEAR for INTER_AREA.
void ResizePlan::runHalfArea(const std::uint8_t* from, std::uint8_t* to) const {
  constexpr std::ptrdiff_t kStep = std::ptrdiff_t{2} * kChannels;
  const std::size_t stride = static_cast<std::size_t>(fromWidth_) * kChannels;
  for (int y = 0; y < toHeight_; ++y) {
    const std::uint8_t* above = from + stride * 2 * y;
    const std::uint8_t* below = above + stride;
    for (int x = 0; x < toWidth_; ++x, above += kStep, below += kStep) {
      for (int c = 0; c < kChannels; ++c) {
        const int sum = above[c] + above[c + kChannels] + below[c] + below[c + kChannels];
        *to++ = static_cast<std::uint8_t>((sum + 2) >> 2);
      }
    }
  }
}

// One source row to output width. The sum has 8 + 11 bits; the four lowest are dropped already
// here, as the vertical pass does first of all (at most 255 * 2048 / 16 = 32640).
void ResizePlan::mixColumns(const std::uint8_t* from, std::int16_t* to) const {
  std::size_t x = 0;
#if defined(__SSE2__)
  for (; x < wideColumns_; ++x, to += kChannels) {
    const Column& column = columns_[x];
    mixPixels(from + column.left, column.leftWeight, column.rightWeight, to);
  }
#endif
  for (; x < columns_.size(); ++x) {
    const Column& column = columns_[x];
    for (int c = 0; c < kChannels; ++c) {
      const int sum =
          from[column.left + c] * column.leftWeight + from[column.right + c] * column.rightWeight;
      *to++ = static_cast<std::int16_t>(sum >> 4);
    }
  }
}

void ResizePlan::runLinear(const std::uint8_t* from, std::uint8_t* to) {
  const std::size_t stride = static_cast<std::size_t>(fromWidth_) * kChannels;
  const std::size_t width = static_cast<std::size_t>(toWidth_) * kChannels;
  // Rows of the source alternate between the two buffers; a row is mixed once only.
  const auto mixed = [&](int row, int keep) {
    for (int i = 0; i < 2; ++i) {
      if (mixedRow_[i] == row) return i;
    }
    const int slot = mixedRow_[0] == keep ? 1 : 0;
    mixColumns(from + stride * row, mixed_[slot].data());
    mixedRow_[slot] = row;
    return slot;
  };
  for (const Row& row : rows_) {
    const std::int16_t* above = mixed_[mixed(row.above, row.below)].data();
    const std::int16_t* below = mixed_[mixed(row.below, row.above)].data();
    mixRows(above, below, row.aboveWeight, row.belowWeight, to, width);
    to += width;
  }
}

}  // namespace lungcls
