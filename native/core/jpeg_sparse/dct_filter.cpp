#include "dct_filter.hpp"

#include <cmath>
#include <numbers>

namespace lungcls::jpeg_sparse {
namespace {

// The mean of the basis function cos((2n + 1) k pi / 16) over `width` samples is that function
// times sin(k width pi / 16) / (width sin(k pi / 16)), Dirichlet's kernel. Beyond its first zero it
// would only turn frequencies round.
double gain(int k, double width) {
  if (k == 0 || width <= 1) return 1;
  if (k * width >= 16) return 0;
  const double angle = k * std::numbers::pi / 16;
  return std::sin(angle * width) / (width * std::sin(angle));
}

double axisGain(int k, double shrinkage, double pixels) {
  return shrinkage <= 2 ? 1 : gain(k, shrinkage / pixels);
}

}  // namespace

std::uint16_t filteredStep(std::uint16_t step, int u, int v, const Shrinkage& shrinkage,
                           double acrossPixel, double downPixel) {
  const double across = axisGain(u, shrinkage.x, acrossPixel);
  const double down = axisGain(v, shrinkage.y, downPixel);
  return static_cast<std::uint16_t>(std::nearbyint(step * across * down));
}

}  // namespace lungcls::jpeg_sparse
