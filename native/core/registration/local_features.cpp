#include "local_features.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

#include "scale_space.hpp"

namespace lungcls::registration {
namespace {

constexpr float kTurn = 2 * std::numbers::pi_v<float>;
constexpr std::size_t kDirections = 36;
// Lowe 2004: directions within 80 % of the highest; a window of 1.5 sigma.
constexpr float kPeakShare = 0.8F;
constexpr float kDirectionSigma = 1.5F;
// A descriptor has 4 x 4 cells of 3 sigma, with 8 directions each.
constexpr std::size_t kCells = 4;
constexpr std::size_t kBins = 8;
constexpr float kCellSigmas = 3.0F;
constexpr float kLargestShare = 0.2F;
constexpr float kDescriptorLength = 512.0F;

// Slope of a layer: how steep, and in which direction, 0 to 1 turn.
struct Gradient {
  Plane magnitude;
  Plane direction;
};

// atan2(y, x) in turns, 0 to 1, within 1e-5. After Abramowitz and Stegun 4.4.49.
inline float turns(float y, float x) {
  const float ax = std::abs(x);
  const float ay = std::abs(y);
  const float t = std::min(ax, ay) / (std::max(ax, ay) + 1e-20F);
  const float s = t * t;
  float r = ((((0.0208351F * s - 0.0851330F) * s + 0.1801410F) * s - 0.3302995F) * s + 0.9998660F) *
            t / kTurn;
  r = ay > ax ? 0.25F - r : r;
  r = x < 0 ? 0.5F - r : r;
  return y < 0 ? 1.0F - r : r;
}

Gradient gradientOf(const Plane& image) {
  Gradient g = {Plane(image.width, image.height), Plane(image.width, image.height)};
  for (std::size_t y = 1; y + 1 < image.height; ++y) {
    const float* above = image.row(y - 1);
    const float* row = image.row(y);
    const float* below = image.row(y + 1);
    float* magnitude = g.magnitude.row(y);
    float* direction = g.direction.row(y);
    for (std::size_t x = 1; x + 1 < image.width; ++x) {
      const float dx = row[x + 1] - row[x - 1];
      const float dy = below[x] - above[x];
      magnitude[x] = std::sqrt(dx * dx + dy * dy);
      direction[x] = turns(dy, dx);
    }
  }
  return g;
}

// The pixels within `radius` of a place that have a gradient.
struct Window {
  std::ptrdiff_t left, right, top, bottom;  // inclusive

  Window(const Plane& plane, std::ptrdiff_t x, std::ptrdiff_t y, std::ptrdiff_t radius)
      : left(std::max<std::ptrdiff_t>(1, x - radius)),
        right(std::min(static_cast<std::ptrdiff_t>(plane.width) - 2, x + radius)),
        top(std::max<std::ptrdiff_t>(1, y - radius)),
        bottom(std::min(static_cast<std::ptrdiff_t>(plane.height) - 2, y + radius)) {}
};

// Directions of an extremum in turns, found from the slopes around it.
std::vector<float> directionsOf(const Gradient& gradient, const Extremum& e) {
  const float sigma = kDirectionSigma * e.sigma;
  const auto radius = static_cast<std::ptrdiff_t>(std::lround(3 * sigma));
  const auto cx = static_cast<std::ptrdiff_t>(std::lround(e.x));
  const auto cy = static_cast<std::ptrdiff_t>(std::lround(e.y));
  const Window window(gradient.magnitude, cx, cy, radius);
  std::array<float, kDirections> raw{};
  for (auto y = window.top; y <= window.bottom; ++y) {
    const float* magnitude = gradient.magnitude.row(static_cast<std::size_t>(y));
    const float* direction = gradient.direction.row(static_cast<std::size_t>(y));
    for (auto x = window.left; x <= window.right; ++x) {
      const auto squared = static_cast<float>((x - cx) * (x - cx) + (y - cy) * (y - cy));
      const float weight = std::exp(-squared / (2 * sigma * sigma));
      const auto bin = static_cast<std::size_t>(std::lround(kDirections * direction[x]));
      raw[bin % kDirections] += weight * magnitude[x];
    }
  }
  std::array<float, kDirections> smooth{};
  const auto at = [&](std::size_t i, std::size_t step) {
    return raw[(i + kDirections + step - 2) % kDirections];
  };
  for (std::size_t i = 0; i < kDirections; ++i) {
    smooth[i] = (at(i, 0) + at(i, 4)) / 16 + (at(i, 1) + at(i, 3)) / 4 + at(i, 2) * 0.375F;
  }
  const float highest = *std::max_element(smooth.begin(), smooth.end());
  std::vector<float> found;
  for (std::size_t i = 0; i < kDirections; ++i) {
    const float before = smooth[(i + kDirections - 1) % kDirections];
    const float after = smooth[(i + 1) % kDirections];
    const float here = smooth[i];
    if (here <= before || here <= after || here < kPeakShare * highest) continue;
    const float offset = 0.5F * (before - after) / (before - 2 * here + after);
    found.push_back((static_cast<float>(i) + offset) / kDirections);
  }
  return found;
}

// The histograms of a descriptor, with a rim for what falls beside them.
using Histograms = std::array<float, (kCells + 2) * (kCells + 2) * (kBins + 1)>;

constexpr std::size_t histogramAt(std::size_t row, std::size_t column) {
  return (row * (kCells + 2) + column) * (kBins + 1);
}

// Adds a slope to the eight histogram bins around it, by trilinear interpolation. `row` and
// `column` are above -1 and below kCells, `bin` is from 0 to kBins.
void addTo(Histograms& histograms, float row, float column, float bin, float value) {
  // Just below kCells, the sum may be rounded up.
  const auto r = std::min(kCells, static_cast<std::size_t>(row + 1));
  const auto c = std::min(kCells, static_cast<std::size_t>(column + 1));
  const auto b = std::min(kBins - 1, static_cast<std::size_t>(bin));
  const float fr = row + 1 - static_cast<float>(r);
  const float fc = column + 1 - static_cast<float>(c);
  const float fb = bin - static_cast<float>(b);
  const auto add = [&](std::size_t place, float share) {
    histograms[place + b] += share * (1 - fb);
    histograms[place + b + 1] += share * fb;
  };
  add(histogramAt(r, c), value * (1 - fr) * (1 - fc));
  add(histogramAt(r, c + 1), value * (1 - fr) * fc);
  add(histogramAt(r + 1, c), value * fr * (1 - fc));
  add(histogramAt(r + 1, c + 1), value * fr * fc);
}

Histograms histogramsOf(const Gradient& gradient, const Extremum& e, float direction) {
  const float cell = kCellSigmas * e.sigma;
  const float cosine = std::cos(direction * kTurn) / cell;
  const float sine = std::sin(direction * kTurn) / cell;
  // Half the diagonal of the cells and the half cell around them that shares in them.
  const auto radius = static_cast<std::ptrdiff_t>(
      std::lround(cell * std::numbers::sqrt2_v<float> * (kCells + 1) * 0.5F));
  const Window window(gradient.magnitude, static_cast<std::ptrdiff_t>(std::lround(e.x)),
                      static_cast<std::ptrdiff_t>(std::lround(e.y)), radius);
  constexpr float kMiddle = kCells / 2.0F - 0.5F;
  // A Gaussian of half the width of the cells is a product of one along x and one along y.
  constexpr float kFall = -1.0F / (0.5F * kCells * kCells);
  std::vector<float> weights;
  for (auto x = window.left; x <= window.right; ++x) {
    const float dx = (static_cast<float>(x) - e.x) / cell;
    weights.push_back(std::exp(kFall * dx * dx));
  }
  Histograms histograms{};
  for (auto y = window.top; y <= window.bottom; ++y) {
    const float dy = static_cast<float>(y) - e.y;
    const float weight = std::exp(kFall * dy * dy / (cell * cell));
    const float* magnitude = gradient.magnitude.row(static_cast<std::size_t>(y));
    const float* slope = gradient.direction.row(static_cast<std::size_t>(y));
    for (auto x = window.left; x <= window.right; ++x) {
      const float dx = static_cast<float>(x) - e.x;
      const float column = dx * cosine + dy * sine + kMiddle;
      const float row = dy * cosine - dx * sine + kMiddle;
      const bool inside = column > -1 && column < kCells && row > -1 && row < kCells;
      if (!inside) continue;
      const float turn = slope[x] - direction;
      const float bin = (turn - std::floor(turn)) * kBins;
      const float value =
          magnitude[x] * weight * weights[static_cast<std::size_t>(x - window.left)];
      addTo(histograms, row, column, bin, value);
    }
  }
  return histograms;
}

Descriptor descriptorOf(const Gradient& gradient, const Extremum& e, float direction) {
  const Histograms histograms = histogramsOf(gradient, e, direction);
  std::array<float, kDescriptor> values{};
  float squares = 0;
  for (std::size_t i = 0; i < kDescriptor; ++i) {
    const std::size_t bin = i % kBins;
    const std::size_t column = i / kBins % kCells;
    const std::size_t row = i / kBins / kCells;
    const float* at = &histograms[histogramAt(row + 1, column + 1)];
    // The last bin goes on into the first.
    values[i] = bin == 0 ? at[0] + at[kBins] : at[bin];
    squares += values[i] * values[i];
  }
  const float largest = kLargestShare * std::sqrt(squares);
  float sum = 0;
  for (float& value : values) {
    value = std::min(value, largest);
    sum += value;
  }
  Descriptor result{};
  for (std::size_t i = 0; i < kDescriptor; ++i) {
    const float root = kDescriptorLength * std::sqrt(values[i] / std::max(sum, 1e-20F));
    result[i] = static_cast<std::uint8_t>(std::min(255.0F, root + 0.5F));
  }
  return result;
}

}  // namespace

TileFeatures describeTile(const std::uint8_t* rgb, std::size_t size) {
  const Plane grey = luma(rgb, size, kWidestSide);
  const auto octaves = buildScaleSpace(grey);
  // Made where a feature needs it.
  std::vector<std::array<std::optional<Gradient>, kLayers + 1>> gradients(octaves.size());
  const auto side = static_cast<float>(size) / static_cast<float>(lumaBlock(size, kWidestSide));
  TileFeatures result;
  std::uint32_t site = 0;
  for (const Extremum& e : findExtrema(octaves)) {
    auto& gradient = gradients[e.octave][e.layer];
    if (!gradient) gradient = gradientOf(octaves[e.octave].blurred[e.layer]);
    const auto pixels = static_cast<float>(std::size_t{1} << e.octave);
    for (const float direction : directionsOf(*gradient, e)) {
      if (result.features.size() == kMostFeatures) return result;
      result.features.push_back(
          {(e.x * pixels + 0.5F) / side - 0.5F, (e.y * pixels + 0.5F) / side - 0.5F, site});
      result.descriptors.push_back(descriptorOf(*gradient, e, direction));
    }
    ++site;
  }
  return result;
}

Descriptor mirrored(const Descriptor& descriptor) {
  // The frame's first axis is the feature's direction; mirroring turns the second one round.
  Descriptor result{};
  for (std::size_t row = 0; row < kCells; ++row) {
    for (std::size_t rest = 0; rest < kCells * kBins; ++rest) {
      const std::size_t column = rest / kBins;
      const std::size_t bin = (kBins - rest % kBins) % kBins;
      result[row * kCells * kBins + rest] =
          descriptor[((kCells - 1 - row) * kCells + column) * kBins + bin];
    }
  }
  return result;
}

}  // namespace lungcls::registration
