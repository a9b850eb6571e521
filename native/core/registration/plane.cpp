#include "plane.hpp"

#include <algorithm>
#include <cmath>

namespace lungcls::registration {
namespace {

// The weights of one side, the middle first; both sides together sum to 1.
std::vector<float> gaussianWeights(float sigma) {
  const auto radius = static_cast<std::size_t>(std::max(1.0F, std::ceil(sigma * 4)));
  std::vector<float> weights(radius + 1);
  float sum = 0;
  for (std::size_t i = 0; i <= radius; ++i) {
    const auto x = static_cast<float>(i);
    weights[i] = std::exp(-x * x / (2 * sigma * sigma));
    sum += i == 0 ? weights[i] : 2 * weights[i];
  }
  for (float& weight : weights) weight /= sum;
  return weights;
}

void scaled(const float* from, float weight, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = weight * from[i];
}

void addScaledPair(const float* a, const float* b, float weight, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] += weight * (a[i] + b[i]);
}

}  // namespace

std::size_t lumaBlock(std::size_t size, std::size_t most) {
  return std::max<std::size_t>(1, (size + most - 1) / most);
}

Plane luma(const std::uint8_t* rgb, std::size_t size, std::size_t most) {
  const std::size_t block = lumaBlock(size, most);
  const std::size_t side = size / block;
  Plane grey(side, side);
  const auto scale = 1.0F / (255.0F * static_cast<float>(block * block));
  for (std::size_t y = 0; y < side * block; ++y) {
    float* out = grey.row(y / block);
    const std::uint8_t* in = rgb + y * size * 3;
    for (std::size_t x = 0; x < side * block; ++x, in += 3) {
      out[x / block] +=
          scale * (0.299F * static_cast<float>(in[0]) + 0.587F * static_cast<float>(in[1]) +
                   0.114F * static_cast<float>(in[2]));
    }
  }
  return grey;
}

void blur(const Plane& from, float sigma, Plane& to, Plane& scratch) {
  const auto weights = gaussianWeights(sigma);
  const std::size_t radius = weights.size() - 1;
  const std::size_t width = from.width;
  const std::size_t height = from.height;
  to = Plane(width, height);
  // One row, with its edges repeated, wide enough for both passes.
  scratch.values.resize(width + 2 * radius);
  std::vector<float> sums(width);
  for (std::size_t y = 0; y < height; ++y) {
    scaled(from.row(y), weights[0], width, sums.data());
    for (std::size_t i = 1; i <= radius; ++i) {
      const std::size_t above = y >= i ? y - i : 0;
      addScaledPair(from.row(above), from.row(std::min(height - 1, y + i)), weights[i], width,
                    sums.data());
    }
    float* padded = scratch.values.data();
    std::fill_n(padded, radius, sums.front());
    std::copy(sums.begin(), sums.end(), padded + radius);
    std::fill_n(padded + radius + width, radius, sums.back());
    scaled(padded + radius, weights[0], width, to.row(y));
    for (std::size_t i = 1; i <= radius; ++i) {
      addScaledPair(padded + radius - i, padded + radius + i, weights[i], width, to.row(y));
    }
  }
}

Plane halve(const Plane& from) {
  Plane half(from.width / 2, from.height / 2);
  for (std::size_t y = 0; y < half.height; ++y) {
    const float* in = from.row(2 * y);
    float* out = half.row(y);
    for (std::size_t x = 0; x < half.width; ++x) out[x] = in[2 * x];
  }
  return half;
}

}  // namespace lungcls::registration
