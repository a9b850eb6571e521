// The ways in which an image becomes a tile: what they have in common, and where they meet. Their
// pixels are compared with OpenCV's in test/parity.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "check.hpp"
#include "core/jpeg_sparse/dct_filter.hpp"
#include "core/tile.hpp"
#include "samples.hpp"

using lungcls::Outcome;
using lungcls::ResizeMode;
using lungcls::Status;
using lungcls::tileBytes;
using lungcls::TileOptions;
using lungcls::Workspace;
using lungcls::test::JpegOptions;
using lungcls::test::Noise;
using lungcls::test::sampleJpeg;
using lungcls::test::TemporaryFile;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array kModes{ResizeMode::Cv2, ResizeMode::Area, ResizeMode::Fast};

// The way the product goes.
Status make(const Bytes& jpeg, int size, ResizeMode mode, bool keepDamaged, Bytes& tile) {
  static lungcls::ThreadWorkspace workspace;
  TileOptions chosen;
  chosen.size = size;
  chosen.resize = mode;
  chosen.keepDamaged = keepDamaged;
  const TemporaryFile stored(jpeg);
  const lungcls::ImageSource source{stored.path(), {}};
  Outcome outcome;
  tile.assign(tileBytes(size), 0xA5);
  lungcls::tilesFromSources({&source, 1}, chosen, workspace, tile.data(), {&outcome, 1});
  return outcome.status;
}

bool black(const Bytes& tile) {
  return std::all_of(tile.begin(), tile.end(), [](auto value) { return value == 0; });
}

}  // namespace

TEST("resize modes: a JPEG cut at any byte has the same status in each, and no stale pixels") {
  for (const bool progressive : {false, true}) {
    const Bytes jpeg = sampleJpeg(60, 50, JpegOptions{80, progressive, 0, true});
    for (std::size_t length = 3; length < jpeg.size(); length += 5) {
      const Bytes cut(jpeg.begin(), jpeg.begin() + static_cast<long>(length));
      Bytes tile;
      const Status expected = make(cut, 16, ResizeMode::Cv2, false, tile);
      CHECK(expected != Status::Ok);
      for (const ResizeMode mode : kModes) {
        CHECK(make(cut, 16, mode, false, tile) == expected);
        CHECK(black(tile));
        CHECK(make(cut, 16, mode, true, tile) == expected);
        CHECK(expected == Status::Damaged || black(tile));
      }
    }
  }
}

TEST("resize modes: fast is cv2 where half of the size or more is wanted") {
  for (const int size : {30, 31, 40, 60, 90}) {
    for (const bool progressive : {false, true}) {
      const Bytes jpeg = sampleJpeg(60, 60, JpegOptions{80, progressive, 0, true});
      Bytes exact;
      Bytes fast;
      CHECK(make(jpeg, size, ResizeMode::Cv2, false, exact) == Status::Ok);
      CHECK(make(jpeg, size, ResizeMode::Fast, false, fast) == Status::Ok);
      CHECK(exact == fast);
    }
  }
}

TEST("resize modes: each gives pixels of its own where the image shrinks") {
  const Bytes jpeg = sampleJpeg(96, 96);
  std::array<Bytes, kModes.size()> tiles;
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    CHECK(make(jpeg, 32, kModes[i], false, tiles[i]) == Status::Ok);
  }
  CHECK(tiles[0] != tiles[1]);
  CHECK(tiles[0] != tiles[2]);
  CHECK(tiles[1] != tiles[2]);
}

TEST("resize modes: fast gives the same by either decoder") {
  Noise source(5);
  for (int i = 0; i < 60; ++i) {
    const int width = 1 + static_cast<int>(source.below(200));
    const int height = 1 + static_cast<int>(source.below(200));
    const int size = 1 + static_cast<int>(source.below(60));
    const int quality = 20 + static_cast<int>(source.below(80));
    const Bytes jpeg = sampleJpeg(width, height, JpegOptions{quality, false, 0, i % 2 == 0});
    Bytes either;
    CHECK(make(jpeg, size, ResizeMode::Fast, false, either) == Status::Ok);
    Workspace workspace;
    TileOptions chosen;
    chosen.size = size;
    chosen.resize = ResizeMode::Fast;
    Bytes alone(tileBytes(size));
    CHECK(lungcls::tileFromJpeg(jpeg, chosen, workspace, alone.data()).ok());
    CHECK(either == alone);
  }
}

TEST("resize modes: what a filter leaves of a step") {
  using lungcls::jpeg_sparse::filteredStep;
  using lungcls::jpeg_sparse::Shrinkage;
  for (int k = 0; k < 8; ++k) {
    // At a half nothing; at a third of the size the mean of three samples, (1 + 2 cos(k pi / 8))
    // / 3.
    CHECK(filteredStep(1000, k, k, Shrinkage{2, 2}, 1, 1) == 1000);
    const double gain = std::max(0.0, (1 + 2 * std::cos(k * std::numbers::pi / 8)) / 3);
    CHECK(std::abs(filteredStep(1000, k, 0, Shrinkage{3, 2}, 1, 1) - 1000 * gain) <= 0.5);
    CHECK(std::abs(filteredStep(1000, 0, k, Shrinkage{1, 3}, 1, 1) - 1000 * gain) <= 0.5);
    // Chroma at half the size shrinks half as much.
    CHECK(filteredStep(1000, k, 0, Shrinkage{6, 6}, 2, 1) ==
          filteredStep(1000, k, 0, Shrinkage{3, 3}, 1, 1));
    CHECK(filteredStep(1000, k, 0, Shrinkage{100, 100}, 1, 1) == (k == 0 ? 1000 : 0));
  }
}
