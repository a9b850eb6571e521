#include "summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace lungcls::registration {
namespace {

constexpr int kWordRounds = 12;
constexpr float kWordLength = 512.0F;

// Both readings of every feature, 16 bits a number.
Vectors bothReadings(const TileFeatures& tile) {
  Vectors result = {kDescriptor, {}};
  for (const auto& descriptor : tile.descriptors) {
    const auto other = mirrored(descriptor);
    result.values.insert(result.values.end(), descriptor.begin(), descriptor.end());
    result.values.insert(result.values.end(), other.begin(), other.end());
  }
  return result;
}

}  // namespace

Vectors makeWords(std::span<const TileFeatures* const> tiles) {
  Vectors all = {kDescriptor, {}};
  for (const auto* tile : tiles) {
    const auto readings = bothReadings(*tile);
    all.values.insert(all.values.end(), readings.values.begin(), readings.values.end());
  }
  return kmeans(all, kWords, kWordRounds, kWordLength);
}

void summarise(const TileFeatures& tile, const Vectors& words, std::int16_t* to) {
  std::array<float, kSummary> sums{};
  const auto readings = bothReadings(tile);
  for (std::size_t i = 0; i < readings.count(); ++i) {
    const auto* reading = readings.at(i);
    const std::size_t word = nearestCentre(words, reading);
    const auto* centre = words.at(word);
    float* sum = &sums[word * kDescriptor];
    for (std::size_t d = 0; d < kDescriptor; ++d) {
      sum[d] += static_cast<float>(reading[d] - centre[d]);
    }
  }
  // A word's part normalised, then the signed square root of every number.
  float squares = 0;
  for (std::size_t word = 0; word < kWords; ++word) {
    float* sum = &sums[word * kDescriptor];
    float part = 0;
    for (std::size_t d = 0; d < kDescriptor; ++d) part += sum[d] * sum[d];
    if (part <= 0) continue;
    const float scale = 1 / std::sqrt(part);
    for (std::size_t d = 0; d < kDescriptor; ++d) {
      sum[d] = std::copysign(std::sqrt(std::abs(sum[d] * scale)), sum[d]);
      squares += sum[d] * sum[d];
    }
  }
  const float scale = squares > 0 ? kSummaryLength / std::sqrt(squares) : 0.0F;
  for (std::size_t i = 0; i < kSummary; ++i) {
    to[i] = static_cast<std::int16_t>(std::lround(sums[i] * scale));
  }
}

}  // namespace lungcls::registration
