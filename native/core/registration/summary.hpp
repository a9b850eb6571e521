// One vector a tile, by which tiles that share many local features are found: VLAD (H. Jegou et
// al., Aggregating local descriptors into a compact image representation, CVPR 2010), with each
// word's part normalised (R. Arandjelovic and A. Zisserman, All about VLAD, CVPR 2013). Every
// feature is taken once as it is and once mirrored, so that a flipped tile has the same vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kmeans.hpp"
#include "local_features.hpp"

namespace lungcls::registration {

constexpr std::size_t kWords = 32;
constexpr std::size_t kSummary = kWords * kDescriptor;
// Length of a summary: the scalar product of two is at most its square, far below 2^31.
constexpr float kSummaryLength = 8192.0F;

// The words: centres of the descriptors of some tiles.
Vectors makeWords(std::span<const TileFeatures* const> tiles);

// kSummary numbers, of length kSummaryLength (0 for a tile without features).
void summarise(const TileFeatures& tile, const Vectors& words, std::int16_t* to);

}  // namespace lungcls::registration
