// k-means on the sphere: vectors of equal length, the nearest centre is that of the largest scalar
// product. I. S. Dhillon and D. S. Modha, Machine Learning 42 (2001).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace lungcls::registration {

// Vectors of `dimensions` numbers, all of about the same length, one after the other.
struct Vectors {
  std::size_t dimensions = 0;
  std::vector<std::int16_t> values;

  [[nodiscard]] std::size_t count() const {
    return dimensions == 0 ? 0 : values.size() / dimensions;
  }
  [[nodiscard]] const std::int16_t* at(std::size_t i) const {
    return values.data() + i * dimensions;
  }
};

// Position of the centre with the largest scalar product; the first of equals.
std::size_t nearestCentre(const Vectors& centres, const std::int16_t* vector);

// Up to `centres` centres (fewer where there are fewer vectors), of length `length`. Begins with
// vectors spread evenly over the list; the same result everywhere. `stop` is asked every round.
Vectors kmeans(const Vectors& vectors, std::size_t centres, int rounds, float length);

}  // namespace lungcls::registration
