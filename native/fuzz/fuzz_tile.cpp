// Any bytes as a JPEG, all the way to a tile: a status or pixels, no crash, nothing stale.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/tile.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static lungcls::Workspace workspace;
  constexpr std::uint8_t kStale = 0xA5;
  lungcls::TileOptions options;
  options.limits.maxPixels = 1 << 18;
  options.keepDamaged = true;
  // Sizes that take each way of resizing: smaller, larger, half, equal.
  for (const int side : {7, 40, 61}) {
    options.size = side;
    std::vector<std::uint8_t> tile(lungcls::tileBytes(side), kStale);
    const auto outcome = lungcls::tileFromJpeg({data, size}, options, workspace, tile.data());
    if (outcome.hasPixels()) continue;
    if (outcome.message.empty()) std::abort();
    if (!std::all_of(tile.begin(), tile.end(), [](auto value) { return value == 0; })) std::abort();
  }
  return 0;
}
