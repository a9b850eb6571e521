#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <string>
#include <vector>

#include "../core/registration/kmeans.hpp"
#include "../core/registration/plane.hpp"
#include "../core/registration/similarity.hpp"
#include "../core/registration/tile_collection.hpp"
#include "check.hpp"
#include "finish.hpp"

using namespace lungcls;
using lungcls::test::finish;
using namespace lungcls::registration;

namespace {

constexpr std::size_t kSize = 128;
using Tile = std::vector<std::uint8_t>;

// A field of blobs that goes on without end; another seed is other tissue.
class Field {
 public:
  explicit Field(std::uint32_t seed) {
    for (Blob& blob : blobs_) {
      const auto next = [&seed] {
        seed = seed * 1664525 + 1013904223;
        return static_cast<float>(seed >> 8) / static_cast<float>(1U << 24);
      };
      blob = {next() * 2 - 1, next() * 2 - 1, 0.012F + 0.03F * next(), 0.3F + next()};
    }
  }

  // Brightness, 0 to 1, of a place in sides of the tile from its centre.
  [[nodiscard]] float at(std::complex<float> place) const {
    float dark = 0;
    for (const Blob& blob : blobs_) {
      const float x = (place.real() - blob.x) / blob.radius;
      const float y = (place.imag() - blob.y) / (0.7F * blob.radius);
      const float squared = x * x + y * y;
      if (squared < 16) dark += blob.depth * std::exp(-squared / 2);
    }
    return std::exp(-dark);
  }

 private:
  struct Blob {
    float x, y, radius, depth;
  };
  std::array<Blob, 500> blobs_{};
};

// How a tile is cut out of a field: place = factor * (tile's place, flipped or not) + shift.
struct Cut {
  std::complex<float> factor{1, 0};
  std::complex<float> shift{0, 0};
  bool flipped = false;
};

// A turn by `degrees` with its crop, as of LC25000.
Cut turned(float degrees, bool flipped = false) {
  const float angle = degrees * std::numbers::pi_v<float> / 180;
  const float scale = std::cos(std::abs(angle)) - std::sin(std::abs(angle));
  return {std::polar(scale, angle), 0, flipped};
}

Tile cut(const Field& field, const Cut& how, std::size_t size = kSize) {
  Tile tile;
  tile.reserve(size * size * 3);
  const auto side = static_cast<float>(size);
  for (std::size_t y = 0; y < size; ++y) {
    for (std::size_t x = 0; x < size; ++x) {
      std::complex<float> place((static_cast<float>(x) + 0.5F) / side - 0.5F,
                                (static_cast<float>(y) + 0.5F) / side - 0.5F);
      if (how.flipped) place = std::conj(place);
      const float value = field.at(how.factor * place + how.shift);
      for (const float tint : {255.0F, 200.0F, 240.0F}) {
        tile.push_back(static_cast<std::uint8_t>(value * tint));
      }
    }
  }
  return tile;
}

Registration registerOnto(const Tile& from, const Tile& onto, std::size_t size = kSize) {
  const auto a = describeTile(from.data(), size);
  const auto b = describeTile(onto.data(), size);
  return registerTiles(MatchingFeatures(a), MatchingFeatures(b));
}

// What a collection of `originals` fields in `copies` cuts says.
std::vector<float> searched(std::size_t originals, std::size_t copies, std::size_t threads) {
  ThreadPool pool(threads);
  const std::size_t count = originals * copies;
  const auto tiles = TileCollection::make({count, kSize}, pool, threads);
  std::vector<std::uint8_t> rgb;
  for (std::size_t i = 0; i < count; ++i) {
    const Field field(static_cast<std::uint32_t>(i / copies));
    const auto degrees = static_cast<float>(i % copies) * 4;
    const auto tile = cut(field, turned(degrees, i % 2 == 1));
    rgb.insert(rgb.end(), tile.begin(), tile.end());
  }
  finish([&](auto done) { tiles->describe(0, count, rgb.data(), done); });
  finish([&](auto done) { tiles->index(done); });
  const std::size_t k = copies - 1;
  std::vector<std::uint32_t> found(count * k);
  finish([&](auto done) { tiles->neighbours(0, count, k, found.data(), done); });
  std::vector<TileCollection::Pair> pairs;
  for (std::size_t i = 0; i < found.size(); ++i) {
    pairs.push_back({static_cast<std::uint32_t>(i / k), found[i]});
  }
  std::vector<Registration> results(pairs.size());
  finish(
      [&](auto done) { tiles->registerPairs(pairs.data(), pairs.size(), results.data(), done); });
  std::vector<float> numbers;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [transform, matches, inliers] = results[i];
    for (const auto number : {pairs[i].onto, inliers, matches}) {
      numbers.push_back(static_cast<float>(number));
    }
    numbers.push_back(transform.factor.real());
    numbers.push_back(transform.shift.imag());
  }
  return numbers;
}

}  // namespace

TEST("registration: a blurred constant stays, and a blurred point sums to one") {
  Plane flat(20, 10);
  std::fill(flat.values.begin(), flat.values.end(), 0.5F);
  Plane to;
  Plane scratch;
  blur(flat, 1.6F, to, scratch);
  CHECK(std::all_of(to.values.begin(), to.values.end(),
                    [](float v) { return std::abs(v - 0.5F) < 1e-5F; }));
  Plane point(41, 41);
  point.row(20)[20] = 1;
  blur(point, 2.0F, to, scratch);
  float sum = 0;
  for (const float value : to.values) sum += value;
  CHECK(std::abs(sum - 1) < 1e-4F);
  // exp(-1/8) of the middle, two pixels away in x and none in y: exp(-4/8).
  CHECK(std::abs(to.row(20)[22] / to.row(20)[20] - std::exp(-0.5F)) < 1e-4F);
  CHECK(to.row(20)[23] == to.row(23)[20]);
}

TEST("registration: grey is the mean over blocks of a tile that is too wide") {
  Tile rgb(48, 255);  // 4 x 4 pixels
  CHECK(std::abs(luma(rgb.data(), 4, 4).values[0] - 1) < 1e-5F);
  std::fill_n(rgb.begin(), 6, std::uint8_t{0});
  const Plane half = luma(rgb.data(), 4, 2);
  CHECK(half.width == 2 && half.height == 2);
  CHECK(std::abs(half.values[0] - 0.5F) < 1e-5F);
  CHECK(std::abs(half.values[1] - 1.0F) < 1e-5F);
}

TEST("registration: the transform between two cuts of one field is found") {
  const Field field(1);
  for (const bool flipped : {false, true}) {
    for (const float degrees : {0.0F, 3.0F, 12.0F, 25.0F, -25.0F, 90.0F, 180.0F}) {
      Cut how = turned(degrees, flipped);
      // Right angles need no crop.
      if (std::abs(degrees) > 45) how.factor /= std::abs(how.factor);
      const auto found = registerOnto(cut(field, how), cut(field, {}));
      const auto note = std::to_string(degrees) + (flipped ? " flipped" : "");
      CHECK_NOTE(found.inliers >= 10, note + " " + std::to_string(found.inliers));
      CHECK_NOTE(found.transform.mirrored == flipped, note);
      CHECK_NOTE(std::abs(found.transform.factor - how.factor) < 0.02F, note);
      CHECK_NOTE(std::abs(found.transform.shift) < 0.01F, note);
    }
  }
}

TEST("registration: a field further along overlaps, by how much is found") {
  const Field field(2);
  const auto found = registerOnto(cut(field, {1, {0.3F, -0.1F}, false}), cut(field, {}));
  CHECK(found.inliers >= 15);
  CHECK(std::abs(found.transform.shift - std::complex<float>(0.3F, -0.1F)) < 0.01F);
}

TEST("registration: different tissue agrees in no more places than chance gives") {
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < 12; ++i) {
    most = std::max(most, registerOnto(cut(Field(10 + i), {}), cut(Field(40 + i), {})).inliers);
  }
  CHECK_NOTE(most <= 7, std::to_string(most));
}

TEST("registration: mirroring a descriptor twice gives it back") {
  const auto tile = describeTile(cut(Field(3), {}).data(), kSize);
  CHECK(tile.descriptors.size() > 50);
  CHECK(tile.descriptors.size() == tile.features.size());
  for (const auto& descriptor : tile.descriptors) {
    CHECK(mirrored(mirrored(descriptor)) == descriptor);
    CHECK(mirrored(descriptor) != descriptor);
  }
}

TEST("registration: tiles of any size, and tiles without a feature") {
  for (const std::size_t size : {1, 2, 11, 16, 17, 33, 500}) {
    const Tile blank(size * size * 3, 200);
    CHECK(describeTile(blank.data(), size).features.empty());
    CHECK(registerOnto(blank, blank, size).inliers == 0);
    Tile noise(size * size * 3);
    std::uint32_t state = 1;
    for (auto& byte : noise) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1) >> 24);
    CHECK(describeTile(noise.data(), size).features.size() <= kMostFeatures);
  }
}

TEST("registration: k-means finds two heaps, and takes fewer vectors than centres") {
  Vectors vectors = {2, {100, 5, 98, -5, 5, 100, -5, 97}};
  const auto centres = kmeans(vectors, 2, 3, 100);
  CHECK(centres.count() == 2);
  CHECK(nearestCentre(centres, vectors.at(0)) == nearestCentre(centres, vectors.at(1)));
  CHECK(nearestCentre(centres, vectors.at(0)) != nearestCentre(centres, vectors.at(3)));
  CHECK(kmeans(vectors, 9, 2, 100).count() == 4);
  CHECK(kmeans({2, {}}, 3, 2, 100).count() == 0);
}

TEST("registration: a collection finds the copies of each tile, on any number of threads") {
  constexpr std::size_t kCopies = 4;
  const auto one = searched(6, kCopies, 1);
  CHECK(one == searched(6, kCopies, 3));
  std::size_t right = 0;
  const std::size_t pairs = one.size() / 5;
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t tile = i / (kCopies - 1);
    const auto other = static_cast<std::size_t>(one[5 * i]);
    const bool same = tile / kCopies == other / kCopies;
    if (same && one[5 * i + 1] >= 10) ++right;
    if (!same) CHECK(one[5 * i + 1] < 10);
  }
  CHECK_NOTE(right + 2 >= pairs, std::to_string(right) + " of " + std::to_string(pairs));
}

TEST("registration: a collection of blank tiles ends, and finds nothing") {
  ThreadPool pool(2);
  const auto tiles = TileCollection::make({3, 32}, pool, 2);
  const Tile blank(std::size_t{3} * 32 * 32 * 3, 255);
  finish([&](auto done) { tiles->describe(0, 3, blank.data(), done); });
  finish([&](auto done) { tiles->index(done); });
  std::vector<std::uint32_t> found(15);
  finish([&](auto done) { tiles->neighbours(0, 3, 5, found.data(), done); });
  CHECK(std::all_of(found.begin(), found.end(), [](std::uint32_t tile) { return tile < 3; }));
  const std::array<TileCollection::Pair, 1> pairs = {{{0, 1}}};
  std::array<Registration, 1> results;
  finish([&](auto done) { tiles->registerPairs(pairs.data(), 1, results.data(), done); });
  CHECK(results[0].inliers == 0);
}
