#include "resize_taps.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace lungcls::jpeg_sparse {
namespace {

// OpenCV's INTER_RESIZE_COEF_BITS is 11.
constexpr float kOne = 2048.0F;

enum class Border : std::uint8_t {
  TakeOutermost,  // columns: beyond the outermost pixel centre the outermost pixel alone counts
  MixWithItself,  // rows: the weights stay, and the outermost row is mixed with itself
};

// saturate_cast<short>(float): to nearest, ties to even.
std::int16_t toWeight(float weight) {
  return static_cast<std::int16_t>(std::nearbyint(weight * kOne));
}

AxisTaps makeAxis(int from, int to, Border border) {
  AxisTaps taps;
  // As in OpenCV, where the scale is the inverse of a rounded quotient and the position is a float.
  const double scale = 1.0 / (static_cast<double>(to) / from);
  for (int i = 0; i < to; ++i) {
    const auto position = static_cast<float>((i + 0.5) * scale - 0.5);
    int index = static_cast<int>(std::floor(position));
    float fraction = position - static_cast<float>(index);
    if (border == Border::TakeOutermost && (index < 0 || index >= from - 1)) {
      index = std::clamp(index, 0, from - 1);
      fraction = 0;
    }
    const std::int16_t w0 = toWeight(1.0F - fraction);
    const std::int16_t w1 = toWeight(fraction);
    const int first = std::clamp(index, 0, from - 1);
    const int second = std::clamp(index + 1, 0, from - 1);
    // A sample of weight 0 is not read.
    taps.first.push_back(w0 == 0 ? second : first);
    taps.second.push_back(w1 == 0 ? first : second);
    taps.firstWeight.push_back(w0);
    taps.secondWeight.push_back(w1);
  }
  return taps;
}

// As if neighbours were added up: see mixRows.
AxisTaps makePairs(int to) {
  AxisTaps taps;
  for (int i = 0; i < to; ++i) {
    taps.first.push_back(2 * i);
    taps.second.push_back(2 * i + 1);
    taps.firstWeight.push_back(1);
    taps.secondWeight.push_back(1);
  }
  return taps;
}

// Whether each output sample is one source sample, and none is that of two outputs.
bool isPick(const AxisTaps& taps) {
  const auto isOne = [](int weight) { return weight == static_cast<int>(kOne); };
  return std::ranges::all_of(taps.firstWeight, isOne) && taps.first == taps.second &&
         std::ranges::adjacent_find(taps.first, std::greater_equal<>()) == taps.first.end();
}

}  // namespace

ResizeTaps makeResizeTaps(int fromWidth, int fromHeight, int toWidth, int toHeight) {
  // OpenCV takes INTER_LINEAR for INTER_AREA at exactly half the size.
  if (fromWidth == 2 * toWidth && fromHeight == 2 * toHeight) {
    return {ResizeMethod::Average, makePairs(toWidth), makePairs(toHeight)};
  }
  ResizeTaps taps{ResizeMethod::Linear, makeAxis(fromWidth, toWidth, Border::TakeOutermost),
                  makeAxis(fromHeight, toHeight, Border::MixWithItself)};
  if (isPick(taps.columns) && isPick(taps.rows)) taps.method = ResizeMethod::Pick;
  return taps;
}

}  // namespace lungcls::jpeg_sparse
