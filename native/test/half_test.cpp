#include "core/half.hpp"

#include <bit>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "samples.hpp"

namespace {

constexpr std::size_t kHalves = 65536;

std::vector<std::uint16_t> allHalves() {
  std::vector<std::uint16_t> halves(kHalves);
  for (std::size_t i = 0; i < kHalves; ++i) halves[i] = static_cast<std::uint16_t>(i);
  return halves;
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) return false;
  }
  return a.size() == b.size();
}

}  // namespace

TEST("half: the CPU's instructions and the portable code widen alike") {
  const auto halves = allHalves();
  std::vector<float> fast(kHalves);
  std::vector<float> plain(kHalves);
  lungcls::halfToFloat(halves.data(), fast.data(), kHalves);
  lungcls::scalar::halfToFloat(halves.data(), plain.data(), kHalves);
  CHECK(sameBits(fast, plain));
}

TEST("half: the CPU's instructions and the portable code round alike") {
  lungcls::test::Noise source(3);
  std::vector<float> floats;
  for (int i = 0; i < 1'000'000; ++i) {
    // All bit patterns, then those near the range of halves.
    const std::uint32_t bits = source.next();
    floats.push_back(std::bit_cast<float>(bits));
    floats.push_back(std::bit_cast<float>((bits & 0x87FFFFFF) | 0x38000000));
    floats.push_back(std::bit_cast<float>((bits & 0x83FFFFFF) | 0x30000000));
    floats.push_back(std::bit_cast<float>((bits & 0x80FFF000) | 0x46000000));
  }
  std::vector<std::uint16_t> fast(floats.size());
  std::vector<std::uint16_t> plain(floats.size());
  lungcls::floatToHalf(floats.data(), fast.data(), floats.size());
  lungcls::scalar::floatToHalf(floats.data(), plain.data(), floats.size());
  CHECK(fast == plain);
}

TEST("half: the portable code rounds to the nearest half") {
  const auto halves = allHalves();
  std::vector<float> floats(kHalves);
  lungcls::scalar::halfToFloat(halves.data(), floats.data(), kHalves);
  // Between each finite positive half and the next: below the middle, on it, above it.
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = floats[half];
    const float middle = low + (floats[half + 1] - low) / 2;
    const float cases[] = {std::nextafterf(middle, 0.0F), middle, std::nextafterf(middle, 1e9F)};
    std::uint16_t got[3];
    lungcls::scalar::floatToHalf(cases, got, 3);
    CHECK(got[0] == half);
    CHECK(got[1] == (half % 2 == 0 ? half : half + 1));
    CHECK(got[2] == half + 1);
  }
}
