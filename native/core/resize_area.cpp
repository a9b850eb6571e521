#include "resize_area.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

#include "image.hpp"

namespace lungcls {
namespace {

// OpenCV drops shares below this part of a pixel (computeResizeAreaTab).
constexpr double kLeastShare = 1e-3;

// The whole number that `scale` is; 0 where it is none. As strict as OpenCV: some quotients miss it
// by a rounding, and take the general way.
int wholeScale(double scale) {
  const double whole = std::nearbyint(scale);
  return std::abs(scale - whole) < std::numeric_limits<double>::epsilon() ? static_cast<int>(whole)
                                                                          : 0;
}

// saturate_cast<uchar>(float), of values from 0 to barely above 255: to nearest, ties to even.
// Beyond 2^23 a float has no fraction, so that the addition itself rounds; the number is left in
// its lowest bits. Other ways call a function each time on CPUs without SSE4.1.
std::uint8_t toByte(float value) {
  constexpr float kNoFraction = 8388608.0F;
  const auto rounded = std::bit_cast<std::uint32_t>(value + kNoFraction) & 0x1FFU;
  return static_cast<std::uint8_t>(std::min(rounded, 255U));
}

// Up to so many rows of bytes add up to 16 bits.
constexpr int kRowsInShort = 257;

template <class Sum>
void sumRows(const std::uint8_t* from, std::size_t stride, int rows, std::vector<Sum>& sums) {
  std::fill(sums.begin(), sums.end(), Sum{0});
  for (int row = 0; row < rows; ++row, from += stride) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<Sum>(sums[i] + from[i]);
  }
}

template <class Sum>
void averageColumns(const std::vector<Sum>& columnSums, int step, float reciprocal, int width,
                    std::uint8_t* to) {
  const Sum* sums = columnSums.data();
  for (int x = 0; x < width; ++x, to += kChannels) {
    std::int64_t red = 0;
    std::int64_t green = 0;
    std::int64_t blue = 0;
    for (int column = 0; column < step; ++column, sums += kChannels) {
      red += sums[0];
      green += sums[1];
      blue += sums[2];
    }
    to[0] = toByte(static_cast<float>(red) * reciprocal);
    to[1] = toByte(static_cast<float>(green) * reciprocal);
    to[2] = toByte(static_cast<float>(blue) * reciprocal);
  }
}

}  // namespace

void AreaPlan::prepare(int fromWidth, int fromHeight, int toWidth, int toHeight, double scaleX,
                       double scaleY) {
  fromWidth_ = fromWidth;
  toWidth_ = toWidth;
  toHeight_ = toHeight;
  stepX_ = wholeScale(scaleX);
  stepY_ = wholeScale(scaleY);
  if (stepX_ == 0 || stepY_ == 0) {
    stepX_ = stepY_ = 0;
    share(fromWidth, toWidth, scaleX, columns_);
    share(fromHeight, toHeight, scaleY, rows_);
    mixed_.resize(static_cast<std::size_t>(toWidth) * kChannels);
    sum_.resize(mixed_.size());
  } else {
    const std::size_t columns = static_cast<std::size_t>(toWidth) * stepX_ * kChannels;
    shortSums_.resize(stepY_ <= kRowsInShort ? columns : 0);
    longSums_.resize(stepY_ <= kRowsInShort ? 0 : columns);
  }
}

// computeResizeAreaTab, with its mixture of double and float.
void AreaPlan::share(int from, int to, double scale, std::vector<Share>& shares) {
  shares.clear();
  for (int i = 0; i < to; ++i) {
    const double begin = i * scale;
    const double end = begin + scale;
    const double width = std::min(scale, from - begin);
    const int last = std::min(static_cast<int>(std::floor(end)), from - 1);
    const int first = std::min(static_cast<int>(std::ceil(begin)), last);
    if (first - begin > kLeastShare) {
      shares.push_back({first - 1, i, static_cast<float>((first - begin) / width)});
    }
    for (int at = first; at < last; ++at) {
      shares.push_back({at, i, static_cast<float>(1.0 / width)});
    }
    if (end - last > kLeastShare) {
      const double part = std::min(std::min(end - last, 1.0), width);
      shares.push_back({last, i, static_cast<float>(part / width)});
    }
  }
}

void AreaPlan::run(const std::uint8_t* from, std::uint8_t* to) {
  if (stepX_ != 0) {
    runWhole(from, to);
  } else {
    runShares(from, to);
  }
}

// Sums of whole pixels are exact, in whatever order; OpenCV divides by a multiplication in float.
void AreaPlan::runWhole(const std::uint8_t* from, std::uint8_t* to) {
  const std::size_t stride = static_cast<std::size_t>(fromWidth_) * kChannels;
  const float reciprocal = 1.0F / static_cast<float>(stepX_ * stepY_);
  const std::size_t line = static_cast<std::size_t>(toWidth_) * kChannels;
  for (int y = 0; y < toHeight_; ++y, from += stride * stepY_, to += line) {
    if (stepY_ <= kRowsInShort) {
      sumRows(from, stride, stepY_, shortSums_);
      averageColumns(shortSums_, stepX_, reciprocal, toWidth_, to);
    } else {
      sumRows(from, stride, stepY_, longSums_);
      averageColumns(longSums_, stepX_, reciprocal, toWidth_, to);
    }
  }
}

void AreaPlan::mixColumns(const std::uint8_t* from) {
  std::fill(mixed_.begin(), mixed_.end(), 0.0F);
  for (const Share& column : columns_) {
    const std::uint8_t* pixel = from + static_cast<std::size_t>(column.from) * kChannels;
    float* out = mixed_.data() + static_cast<std::size_t>(column.to) * kChannels;
    for (int c = 0; c < kChannels; ++c) out[c] += static_cast<float>(pixel[c]) * column.weight;
  }
}

// In OpenCV's order, so that every float rounds as there.
void AreaPlan::runShares(const std::uint8_t* from, std::uint8_t* to) {
  const std::size_t stride = static_cast<std::size_t>(fromWidth_) * kChannels;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Share& row = rows_[i];
    mixColumns(from + stride * row.from);
    const bool first = i == 0 || rows_[i - 1].to != row.to;
    for (std::size_t x = 0; x < sum_.size(); ++x) {
      const float part = row.weight * mixed_[x];
      sum_[x] = first ? part : sum_[x] + part;
    }
    if (i + 1 < rows_.size() && rows_[i + 1].to == row.to) continue;
    std::uint8_t* line = to + sum_.size() * row.to;
    for (std::size_t x = 0; x < sum_.size(); ++x) line[x] = toByte(sum_[x]);
  }
}

}  // namespace lungcls
