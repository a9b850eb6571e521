#include "kmeans.hpp"

#include <algorithm>
#include <cmath>

#include "dot.hpp"

namespace lungcls::registration {

std::size_t nearestCentre(const Vectors& centres, const std::int16_t* vector) {
  std::size_t best = 0;
  std::int32_t highest = 0;
  for (std::size_t i = 0; i < centres.count(); ++i) {
    const auto product = dot(centres.at(i), vector, centres.dimensions);
    if (i > 0 && product <= highest) continue;
    best = i;
    highest = product;
  }
  return best;
}

Vectors kmeans(const Vectors& vectors, std::size_t centres, int rounds, float length) {
  const std::size_t dimensions = vectors.dimensions;
  const std::size_t wanted = std::min(centres, vectors.count());
  Vectors result = {dimensions, {}};
  for (std::size_t i = 0; i < wanted; ++i) {
    const auto* from = vectors.at(i * vectors.count() / wanted);
    result.values.insert(result.values.end(), from, from + dimensions);
  }
  for (int round = 0; round < rounds; ++round) {
    // Whole numbers: their sums do not depend on the order.
    std::vector<std::int64_t> sums(wanted * dimensions);
    for (std::size_t i = 0; i < vectors.count(); ++i) {
      const auto* vector = vectors.at(i);
      std::int64_t* sum = &sums[nearestCentre(result, vector) * dimensions];
      for (std::size_t d = 0; d < dimensions; ++d) sum[d] += vector[d];
    }
    for (std::size_t c = 0; c < wanted; ++c) {
      const std::int64_t* sum = &sums[c * dimensions];
      double squares = 0;
      for (std::size_t d = 0; d < dimensions; ++d) {
        squares += static_cast<double>(sum[d]) * static_cast<double>(sum[d]);
      }
      if (squares <= 0) continue;  // nobody's nearest: it stays
      const double scale = length / std::sqrt(squares);
      for (std::size_t d = 0; d < dimensions; ++d) {
        result.values[c * dimensions + d] =
            static_cast<std::int16_t>(std::lround(static_cast<double>(sum[d]) * scale));
      }
    }
  }
  return result;
}

}  // namespace lungcls::registration
