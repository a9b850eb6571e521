// Grey images in floats, and what a scale space needs of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lungcls::registration {

// Row-major, (height, width).
struct Plane {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<float> values;

  Plane() = default;
  Plane(std::size_t w, std::size_t h) : width(w), height(h), values(w * h) {}
  [[nodiscard]] const float* row(std::size_t y) const { return values.data() + y * width; }
  [[nodiscard]] float* row(std::size_t y) { return values.data() + y * width; }
};

// Luma (ITU-R BT.601) of size x size RGB bytes, 0 to 1. Where `size` is more than `most`, averaged
// over whole blocks of pixels until it is not; a remainder at the right and lower edge is left out.
Plane luma(const std::uint8_t* rgb, std::size_t size, std::size_t most);

// How many pixels luma() averages along a side.
std::size_t lumaBlock(std::size_t size, std::size_t most);

// Gaussian of `sigma` pixels, cut off at 4 sigma; edges repeat their last pixel. `scratch` is
// resized as needed.
void blur(const Plane& from, float sigma, Plane& to, Plane& scratch);

// Every other pixel of every other row.
Plane halve(const Plane& from);

}  // namespace lungcls::registration
