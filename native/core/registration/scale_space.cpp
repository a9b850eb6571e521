#include "scale_space.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

namespace lungcls::registration {
namespace {

constexpr std::size_t kNarrowest = 16;
// The blur that a decoded image is taken to have already.
constexpr float kImageSigma = 0.5F;
// Lowe's are 0.03 and 10; pale lung tissue has less contrast than photographs.
constexpr float kContrast = 0.01F;
constexpr float kEdgeRatio = 10.0F;
constexpr std::size_t kBorder = 5;
constexpr int kRefinements = 5;

using Differences = std::array<Plane, kLayers + 2>;

float extraBlur(float from, float to) {
  return std::sqrt(to * to - from * from);
}

Differences differences(const Octave& octave) {
  Differences result;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const Plane& a = octave.blurred[i];
    const Plane& b = octave.blurred[i + 1];
    result[i] = Plane(a.width, a.height);
    for (std::size_t p = 0; p < a.values.size(); ++p) {
      result[i].values[p] = b.values[p] - a.values[p];
    }
  }
  return result;
}

// Whether a value is beyond all of its 26 neighbours, in its own direction.
bool isExtremum(const Differences& d, std::size_t layer, std::size_t x, std::size_t y) {
  const float value = d[layer].row(y)[x];
  const float sign = value > 0 ? 1.0F : -1.0F;
  for (std::size_t l = layer - 1; l <= layer + 1; ++l) {
    for (std::size_t v = y - 1; v <= y + 1; ++v) {
      const float* row = d[l].row(v);
      for (std::size_t u = x - 1; u <= x + 1; ++u) {
        if (sign * row[u] > sign * value) return false;
      }
    }
  }
  return true;
}

// Derivatives at a point of (x, y, layer) space.
struct Quadratic {
  float dx, dy, ds;
  float dxx, dyy, dss, dxy, dxs, dys;
};

Quadratic quadraticAt(const Differences& d, std::size_t layer, std::size_t x, std::size_t y) {
  const auto at = [&](std::size_t l, std::size_t v, std::size_t u) { return d[l].row(v)[u]; };
  const float twice = 2 * at(layer, y, x);
  const auto mixed = [](float pp, float pm, float mp, float mm) { return (pp - pm - mp + mm) / 4; };
  Quadratic q{};
  q.dx = (at(layer, y, x + 1) - at(layer, y, x - 1)) / 2;
  q.dy = (at(layer, y + 1, x) - at(layer, y - 1, x)) / 2;
  q.ds = (at(layer + 1, y, x) - at(layer - 1, y, x)) / 2;
  q.dxx = at(layer, y, x + 1) + at(layer, y, x - 1) - twice;
  q.dyy = at(layer, y + 1, x) + at(layer, y - 1, x) - twice;
  q.dss = at(layer + 1, y, x) + at(layer - 1, y, x) - twice;
  q.dxy = mixed(at(layer, y + 1, x + 1), at(layer, y + 1, x - 1), at(layer, y - 1, x + 1),
                at(layer, y - 1, x - 1));
  q.dxs = mixed(at(layer + 1, y, x + 1), at(layer + 1, y, x - 1), at(layer - 1, y, x + 1),
                at(layer - 1, y, x - 1));
  q.dys = mixed(at(layer + 1, y + 1, x), at(layer + 1, y - 1, x), at(layer - 1, y + 1, x),
                at(layer - 1, y - 1, x));
  return q;
}

// Where the quadratic's slope is zero, by Cramer's rule; false where it is flat.
bool stationary(const Quadratic& q, std::array<float, 3>& offset) {
  const float a = q.dyy * q.dss - q.dys * q.dys;
  const float b = q.dxs * q.dys - q.dxy * q.dss;
  const float c = q.dxy * q.dys - q.dyy * q.dxs;
  const float determinant = q.dxx * a + q.dxy * b + q.dxs * c;
  if (std::abs(determinant) < 1e-20F) return false;
  const float e = q.dxx * q.dss - q.dxs * q.dxs;
  const float f = q.dxy * q.dxs - q.dxx * q.dys;
  const float g = q.dxx * q.dyy - q.dxy * q.dxy;
  offset = {-(a * q.dx + b * q.dy + c * q.ds) / determinant,
            -(b * q.dx + e * q.dy + f * q.ds) / determinant,
            -(c * q.dx + f * q.dy + g * q.ds) / determinant};
  return true;
}

bool isEdge(const Quadratic& q) {
  const float trace = q.dxx + q.dyy;
  const float determinant = q.dxx * q.dyy - q.dxy * q.dxy;
  constexpr float kRatio = (kEdgeRatio + 1) * (kEdgeRatio + 1) / kEdgeRatio;
  return determinant <= 0 || trace * trace >= kRatio * determinant;
}

std::size_t moved(std::size_t from, float offset) {
  return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(from) +
                                  static_cast<std::ptrdiff_t>(std::lround(offset)));
}

// Finds the extremum between the samples; false where it wanders off or is too faint.
bool refine(const Differences& d, std::size_t layer, std::size_t x, std::size_t y, Extremum& out) {
  const std::size_t width = d[0].width;
  const std::size_t height = d[0].height;
  for (int step = 0; step < kRefinements; ++step) {
    const Quadratic q = quadraticAt(d, layer, x, y);
    std::array<float, 3> offset{};
    if (!stationary(q, offset)) return false;
    const auto [ox, oy, os] = offset;
    if (std::abs(ox) > 1e4F || std::abs(oy) > 1e4F || std::abs(os) > 1e4F) return false;
    if (std::abs(ox) < 0.5F && std::abs(oy) < 0.5F && std::abs(os) < 0.5F) {
      const float value = d[layer].row(y)[x] + (q.dx * ox + q.dy * oy + q.ds * os) / 2;
      out.strength = std::abs(value) * kLayers;
      if (out.strength < kContrast || isEdge(q)) return false;
      out.layer = layer;
      out.x = static_cast<float>(x) + ox;
      out.y = static_cast<float>(y) + oy;
      out.sigma = kFirstSigma * std::exp2((static_cast<float>(layer) + os) / kLayers);
      return true;
    }
    x = moved(x, ox);
    y = moved(y, oy);
    layer = moved(layer, os);
    if (layer < 1 || layer > kLayers || x < kBorder || x >= width - kBorder || y < kBorder ||
        y >= height - kBorder) {
      return false;
    }
  }
  return false;
}

void findInOctave(const Octave& octave, std::size_t index, std::vector<Extremum>& found) {
  const Differences d = differences(octave);
  const std::size_t width = d[0].width;
  const std::size_t height = d[0].height;
  constexpr float kFaint = 0.5F * kContrast / kLayers;
  for (std::size_t layer = 1; layer <= kLayers; ++layer) {
    for (std::size_t y = kBorder; y + kBorder < height; ++y) {
      const float* row = d[layer].row(y);
      for (std::size_t x = kBorder; x + kBorder < width; ++x) {
        if (std::abs(row[x]) <= kFaint || !isExtremum(d, layer, x, y)) continue;
        Extremum extremum;
        extremum.octave = index;
        if (refine(d, layer, x, y, extremum)) found.push_back(extremum);
      }
    }
  }
}

}  // namespace

std::vector<Octave> buildScaleSpace(const Plane& image) {
  std::vector<Octave> octaves;
  Plane scratch;
  Plane first;
  blur(image, extraBlur(kImageSigma, kFirstSigma), first, scratch);
  while (std::min(first.width, first.height) >= kNarrowest) {
    Octave octave;
    octave.blurred.push_back(std::move(first));
    for (std::size_t i = 1; i < kLayers + 3; ++i) {
      const auto sigmaAt = [](std::size_t layer) {
        return kFirstSigma * std::exp2(static_cast<float>(layer) / kLayers);
      };
      Plane next;
      blur(octave.blurred.back(), extraBlur(sigmaAt(i - 1), sigmaAt(i)), next, scratch);
      octave.blurred.push_back(std::move(next));
    }
    first = halve(octave.blurred[kLayers]);
    octaves.push_back(std::move(octave));
  }
  return octaves;
}

std::vector<Extremum> findExtrema(const std::vector<Octave>& octaves) {
  std::vector<Extremum> found;
  for (std::size_t i = 0; i < octaves.size(); ++i) findInOctave(octaves[i], i, found);
  // The places decide between equals, so that the order is the same everywhere.
  std::sort(found.begin(), found.end(), [](const Extremum& a, const Extremum& b) {
    return std::tuple(-a.strength, a.octave, a.layer, a.y, a.x) <
           std::tuple(-b.strength, b.octave, b.layer, b.y, b.x);
  });
  // Two samples may lead to the same extremum.
  const auto same = [](const Extremum& a, const Extremum& b) {
    return a.octave == b.octave && a.layer == b.layer && a.x == b.x && a.y == b.y;
  };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

}  // namespace lungcls::registration
