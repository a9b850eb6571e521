// Antialiasing of a downscale in the DCT domain: each coefficient is multiplied by what the mean
// over an output pixel's width leaves of its frequency. Quantisation steps are multiplied instead,
// which costs nothing, and is as good as a file whose tables say so.
#pragma once

#include <cstdint>

namespace lungcls::jpeg_sparse {

// How much an image shrinks: its pixels a pixel of the result.
struct Shrinkage {
  double x = 1;
  double y = 1;
};

// The step of the coefficient at (column u, row v) of a block, for a component with one sample for
// `acrossPixel` pixels across and `downPixel` down. Axes that shrink to no less than a half are
// left alone: bilinear interpolation itself reads all of their pixels.
std::uint16_t filteredStep(std::uint16_t step, int u, int v, const Shrinkage& shrinkage,
                           double acrossPixel, double downPixel);

}  // namespace lungcls::jpeg_sparse
