// Blobs of a grey image at all sizes: extrema of differences of Gaussians. D. G. Lowe, Distinctive
// Image Features from Scale-Invariant Keypoints, IJCV 60 (2004), sections 3 and 4; without the
// doubling of the image at the start, which adds little but noise on decoded JPEGs.
#pragma once

#include <cstddef>
#include <vector>

#include "plane.hpp"

namespace lungcls::registration {

// Layers an octave in which extrema are looked for, and the blur of the first.
constexpr std::size_t kLayers = 3;
constexpr float kFirstSigma = 1.6F;

struct Octave {
  std::vector<Plane> blurred;  // kLayers + 3, each kFirstSigma 2^(i / kLayers) of its own pixels
};

struct Extremum {
  std::size_t octave = 0;
  std::size_t layer = 0;  // of Octave::blurred, 1 to kLayers
  float x = 0;            // in pixels of the octave
  float y = 0;
  float sigma = 0;  // likewise
  float strength = 0;
};

// Octaves until one would be narrower than 16 pixels.
std::vector<Octave> buildScaleSpace(const Plane& image);

// All that stand out by contrast and are no edges, strongest first.
std::vector<Extremum> findExtrema(const std::vector<Octave>& octaves);

}  // namespace lungcls::registration
