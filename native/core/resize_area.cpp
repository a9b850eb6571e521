#include "resize_area.hpp"

#include <algorithm>
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

// saturate_cast<uchar>(float): to nearest, ties to even.
std::uint8_t toByte(float value) {
  return static_cast<std::uint8_t>(std::clamp(std::nearbyintf(value), 0.0F, 255.0F));
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
    columnSums_.resize(static_cast<std::size_t>(toWidth) * stepX_ * kChannels);
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
  for (int y = 0; y < toHeight_; ++y) {
    std::fill(columnSums_.begin(), columnSums_.end(), 0U);
    for (int row = 0; row < stepY_; ++row, from += stride) {
      for (std::size_t i = 0; i < columnSums_.size(); ++i) columnSums_[i] += from[i];
    }
    const std::uint32_t* sums = columnSums_.data();
    for (int x = 0; x < toWidth_; ++x, to += kChannels) {
      std::int64_t red = 0;
      std::int64_t green = 0;
      std::int64_t blue = 0;
      for (int column = 0; column < stepX_; ++column, sums += kChannels) {
        red += sums[0];
        green += sums[1];
        blue += sums[2];
      }
      to[0] = toByte(static_cast<float>(red) * reciprocal);
      to[1] = toByte(static_cast<float>(green) * reciprocal);
      to[2] = toByte(static_cast<float>(blue) * reciprocal);
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
