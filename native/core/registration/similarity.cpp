#include "similarity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "dot.hpp"

namespace lungcls::registration {
namespace {

using Complex = std::complex<float>;

// Three pixels of a tile of 256.
constexpr float kTolerance = 3.0F / 256;
// Rotation by 25 degrees and cropping enlarges by 2.07: 1 / (cos 25 - sin 25).
constexpr float kLargestScale = 2.5F;
// Two features as close as that say little about the angle.
constexpr float kShortest = 15.0F / 256;
// Of the matches, so many of the most alike take part in hypotheses, two by two.
constexpr std::size_t kHypothesisMatches = 40;
constexpr int kRefits = 3;

struct Match {
  std::uint32_t from;
  std::uint32_t onto;
  std::int32_t likeness;
};

struct Matches {
  std::vector<Complex> from;
  std::vector<Complex> onto;
  std::vector<std::uint32_t> fromSite;
  std::vector<std::uint32_t> ontoSite;
};

// Pairs that are each other's most alike, best first.
std::vector<Match> mutualMatches(const std::vector<std::int16_t>& from,
                                 const std::vector<std::int16_t>& onto) {
  const std::size_t rows = from.size() / kDescriptor;
  const std::size_t columns = onto.size() / kDescriptor;
  std::vector<Match> best(rows, {0, 0, -1});
  std::vector<Match> bestOnto(columns, {0, 0, -1});
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const auto likeness = dot(&from[i * kDescriptor], &onto[j * kDescriptor], kDescriptor);
      const Match match = {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j), likeness};
      if (likeness > best[i].likeness) best[i] = match;
      if (likeness > bestOnto[j].likeness) bestOnto[j] = match;
    }
  }
  std::vector<Match> mutual;
  for (const Match& match : best) {
    if (match.likeness >= 0 && bestOnto[match.onto].from == match.from) mutual.push_back(match);
  }
  std::stable_sort(mutual.begin(), mutual.end(),
                   [](const Match& a, const Match& b) { return a.likeness > b.likeness; });
  return mutual;
}

Matches places(const std::vector<Match>& matches, const TileFeatures& from,
               const TileFeatures& onto, bool mirror) {
  Matches result;
  for (const Match& match : matches) {
    const Feature& a = from.features[match.from];
    const Feature& b = onto.features[match.onto];
    result.from.emplace_back(a.x, mirror ? -a.y : a.y);
    result.onto.emplace_back(b.x, b.y);
    result.fromSite.push_back(a.site);
    result.ontoSite.push_back(b.site);
  }
  return result;
}

// In the units of the tile that shows less of the original, so that both directions ask the same.
float squaredTolerance(Complex factor) {
  return kTolerance * kTolerance * std::max(1.0F, std::norm(factor));
}

bool fits(const Matches& m, std::size_t i, Complex factor, Complex shift) {
  return std::norm(factor * m.from[i] + shift - m.onto[i]) < squaredTolerance(factor);
}

// std::complex's own product minds infinities, which keeps this loop from being vectorised.
std::size_t countFits(const Matches& m, Complex factor, Complex shift) {
  const float tolerance = squaredTolerance(factor);
  const float a = factor.real();
  const float b = factor.imag();
  std::size_t count = 0;
  for (std::size_t i = 0; i < m.from.size(); ++i) {
    const float x = m.from[i].real();
    const float y = m.from[i].imag();
    const float dx = a * x - b * y + shift.real() - m.onto[i].real();
    const float dy = b * x + a * y + shift.imag() - m.onto[i].imag();
    count += dx * dx + dy * dy < tolerance ? 1 : 0;
  }
  return count;
}

// The best of the transforms that two of the best matches give.
bool bestHypothesis(const Matches& m, Complex& factor, Complex& shift) {
  const std::size_t most = std::min(kHypothesisMatches, m.from.size());
  std::size_t highest = 0;
  for (std::size_t j = 1; j < most; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const Complex before = m.from[j] - m.from[i];
      const Complex after = m.onto[j] - m.onto[i];
      if (std::min(std::norm(before), std::norm(after)) < kShortest * kShortest) continue;
      const Complex candidate = after / before;
      const float scale = std::abs(candidate);
      if (scale > kLargestScale || scale < 1 / kLargestScale) continue;
      const Complex moved = m.onto[i] - candidate * m.from[i];
      const std::size_t count = countFits(m, candidate, moved);
      if (count <= highest) continue;
      highest = count;
      factor = candidate;
      shift = moved;
    }
  }
  return highest > 0;
}

// Least squares over the matches that fit; false where two of them do not determine it.
bool refit(const Matches& m, Complex& factor, Complex& shift) {
  Complex fromMean = 0;
  Complex ontoMean = 0;
  float count = 0;
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < m.from.size(); ++i) {
    if (!fits(m, i, factor, shift)) continue;
    fitting.push_back(i);
    fromMean += m.from[i];
    ontoMean += m.onto[i];
    ++count;
  }
  if (fitting.size() < 3) return false;
  fromMean /= count;
  ontoMean /= count;
  Complex product = 0;
  float squares = 0;
  for (const std::size_t i : fitting) {
    product += (m.onto[i] - ontoMean) * std::conj(m.from[i] - fromMean);
    squares += std::norm(m.from[i] - fromMean);
  }
  if (squares < kShortest * kShortest) return false;
  factor = product / squares;
  shift = ontoMean - factor * fromMean;
  return true;
}

// Matches that fit, each place counted once on either side.
std::uint32_t countPlaces(const Matches& m, Complex factor, Complex shift) {
  std::vector<std::uint32_t> from;
  std::vector<std::uint32_t> onto;
  for (std::size_t i = 0; i < m.from.size(); ++i) {
    if (!fits(m, i, factor, shift)) continue;
    from.push_back(m.fromSite[i]);
    onto.push_back(m.ontoSite[i]);
  }
  const auto different = [](std::vector<std::uint32_t>& sites) {
    std::sort(sites.begin(), sites.end());
    return std::unique(sites.begin(), sites.end()) - sites.begin();
  };
  return static_cast<std::uint32_t>(std::min(different(from), different(onto)));
}

Registration registerOneWay(const std::vector<std::int16_t>& values, const MatchingFeatures& from,
                            const MatchingFeatures& onto, bool mirror) {
  const auto matches = mutualMatches(values, onto.values);
  const Matches m = places(matches, *from.tile, *onto.tile, mirror);
  Registration result;
  result.transform.mirrored = mirror;
  result.matches = static_cast<std::uint32_t>(matches.size());
  Complex factor = 0;
  Complex shift = 0;
  if (!bestHypothesis(m, factor, shift)) return result;
  for (int i = 0; i < kRefits; ++i) {
    if (!refit(m, factor, shift)) break;
  }
  result.transform.factor = factor;
  result.transform.shift = shift;
  result.inliers = countPlaces(m, factor, shift);
  return result;
}

void appendWide(const Descriptor& descriptor, std::vector<std::int16_t>& to) {
  to.insert(to.end(), descriptor.begin(), descriptor.end());
}

}  // namespace

MatchingFeatures::MatchingFeatures(const TileFeatures& from) : tile(&from) {
  values.reserve(from.descriptors.size() * kDescriptor);
  for (const auto& descriptor : from.descriptors) appendWide(descriptor, values);
}

Registration registerTiles(const MatchingFeatures& from, const MatchingFeatures& onto) {
  std::vector<std::int16_t> reflection;
  reflection.reserve(from.values.size());
  for (const auto& descriptor : from.tile->descriptors) {
    appendWide(mirrored(descriptor), reflection);
  }
  const auto plain = registerOneWay(from.values, from, onto, false);
  const auto flipped = registerOneWay(reflection, from, onto, true);
  return flipped.inliers > plain.inliers ? flipped : plain;
}

}  // namespace lungcls::registration
