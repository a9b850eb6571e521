#include "gather.hpp"

#include <algorithm>

namespace lungcls::jpeg_sparse {

Gather makeGather(std::span<const std::int32_t> positions) {
  constexpr std::uint8_t kNone = 0x80;
  Gather gather;
  gather.positions.assign(positions.begin(), positions.end());
  gather.identity = true;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    gather.identity = gather.identity && positions[i] == static_cast<std::int32_t>(i);
  }
  const auto group = [&](std::size_t begin) {
    return positions.subspan(begin, std::min<std::size_t>(Gather::kGroup, positions.size() - begin));
  };
  for (std::size_t i = 0; i < positions.size(); i += Gather::kGroup) {
    const auto [low, high] = std::ranges::minmax(group(i));
    gather.bases.push_back(low);
    gather.windows = std::max(gather.windows, (high - low) / Gather::kGroup + 1);
  }
  if (gather.windows > Gather::kMaxWindows) {
    gather.windows = 0;
    return gather;
  }
  gather.shuffles.assign(gather.bases.size() * gather.windows * Gather::kGroup, kNone);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::size_t g = i / Gather::kGroup;
    const int distance = positions[i] - gather.bases[g];
    const std::size_t window = g * gather.windows + distance / Gather::kGroup;
    gather.shuffles[window * Gather::kGroup + i % Gather::kGroup] =
        static_cast<std::uint8_t>(distance % Gather::kGroup);
  }
  return gather;
}

}  // namespace lungcls::jpeg_sparse
