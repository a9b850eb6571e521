// Whether two tiles show the same place: features that look alike, and one similarity transform
// that carries many of them from one tile onto the other.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "local_features.hpp"

namespace lungcls::registration {

// Places are complex numbers x + iy, from the tile's centre, in sides of the tile (y points down).
// onto = factor * from + shift, where `mirrored` of the conjugate of `from`.
struct Similarity {
  std::complex<float> factor{0, 0};
  std::complex<float> shift{0, 0};
  bool mirrored = false;
};

struct Registration {
  Similarity transform;
  // Pairs of features that are each other's nearest, and those of different places that the
  // transform carries onto each other.
  std::uint32_t matches = 0;
  std::uint32_t inliers = 0;
};

// A tile's features as the matching wants them.
struct MatchingFeatures {
  explicit MatchingFeatures(const TileFeatures& tile);

  const TileFeatures* tile;
  std::vector<std::int16_t> values;  // (features, kDescriptor)
};

// The better one of the tile as it is and mirrored. Deterministic.
Registration registerTiles(const MatchingFeatures& from, const MatchingFeatures& onto);

}  // namespace lungcls::registration
