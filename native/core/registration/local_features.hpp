// Local features of a tile: where its blobs are, and what their surroundings look like, whatever
// the tile's rotation and size. The descriptor is SIFT's (Lowe 2004, sections 5 and 6) with the
// square root of Arandjelovic and Zisserman (Three things everyone should know to improve object
// retrieval, CVPR 2012).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lungcls::registration {

constexpr std::size_t kDescriptor = 128;
using Descriptor = std::array<std::uint8_t, kDescriptor>;

// Larger tiles are averaged down until they are no wider.
constexpr std::size_t kWidestSide = 448;
// Most features a tile; the strongest are kept.
constexpr std::size_t kMostFeatures = 200;

struct Feature {
  // From the tile's centre, in sides of the tile: -0.5 to 0.5.
  float x = 0;
  float y = 0;
  // Features at one place, of several directions, share its number.
  std::uint32_t site = 0;
};

struct TileFeatures {
  std::vector<Feature> features;
  std::vector<Descriptor> descriptors;  // as many; each of length 512, a number at most 255
};

// `rgb`: size x size pixels. Thread-safe; the same result on the same kind of CPU.
TileFeatures describeTile(const std::uint8_t* rgb, std::size_t size);

// The descriptor of the same place in the mirrored tile.
Descriptor mirrored(const Descriptor& descriptor);

}  // namespace lungcls::registration
