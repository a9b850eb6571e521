#include "gather.hpp"

#include <algorithm>

namespace lungcls::jpeg_sparse {
namespace {

using Positions = std::span<const std::int32_t>;

// The smallest and the largest position of each `size` outputs.
std::vector<std::ranges::minmax_result<std::int32_t>> groupRanges(Positions positions,
                                                                  std::size_t size) {
  std::vector<std::ranges::minmax_result<std::int32_t>> ranges;
  for (std::size_t i = 0; i < positions.size(); i += size) {
    ranges.push_back(
        std::ranges::minmax(positions.subspan(i, std::min(size, positions.size() - i))));
  }
  return ranges;
}

void planNarrow(Positions positions, Gather& gather) {
  constexpr std::uint8_t kNone = 0x80;
  for (const auto [low, high] : groupRanges(positions, Gather::kGroup)) {
    gather.bases.push_back(low);
    gather.windows = std::max(gather.windows, (high - low) / Gather::kGroup + 1);
  }
  if (gather.windows > Gather::kMaxWindows) {
    gather.windows = 0;
    return;
  }
  gather.shuffles.assign(gather.bases.size() * gather.windows * Gather::kGroup, kNone);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::size_t g = i / Gather::kGroup;
    const int distance = positions[i] - gather.bases[g];
    const std::size_t window = g * gather.windows + distance / Gather::kGroup;
    gather.shuffles[window * Gather::kGroup + i % Gather::kGroup] =
        static_cast<std::uint8_t>(distance % Gather::kGroup);
  }
}

void planWide(Positions positions, Gather& gather) {
  const auto ranges = groupRanges(positions, Gather::kWideGroup);
  for (const auto [low, high] : ranges) {
    if (high - low >= Gather::kWideWindow) return;
  }
  for (const auto& range : ranges) gather.wideBases.push_back(range.min);
  gather.wideShuffles.assign(ranges.size() * Gather::kWideGroup, 0);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    gather.wideShuffles[i] =
        static_cast<std::uint8_t>(positions[i] - gather.wideBases[i / Gather::kWideGroup]);
  }
}

}  // namespace

Gather makeGather(Positions positions) {
  Gather gather;
  gather.positions.assign(positions.begin(), positions.end());
  planNarrow(positions, gather);
  planWide(positions, gather);
  return gather;
}

}  // namespace lungcls::jpeg_sparse
