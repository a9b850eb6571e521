#include "core/tile.hpp"

#include <algorithm>
#include <vector>

#include "check.hpp"
#include "core/jpeg.hpp"
#include "samples.hpp"

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

constexpr int kSize = 24;
constexpr std::uint8_t kStale = 0xA5;

struct Made {
  Status status;
  Bytes tile;

  [[nodiscard]] bool black() const {
    return std::all_of(tile.begin(), tile.end(), [](auto value) { return value == 0; });
  }
};

TileOptions options(bool keepDamaged = false) {
  TileOptions chosen;
  chosen.size = kSize;
  chosen.limits.maxPixels = 1 << 20;
  chosen.keepDamaged = keepDamaged;
  return chosen;
}

// Into memory that held something else.
Made make(const Bytes& jpeg, Workspace& workspace, bool keepDamaged = false) {
  Made made{Status::Ok, Bytes(tileBytes(kSize), kStale)};
  made.status =
      lungcls::tileFromJpeg(jpeg, options(keepDamaged), workspace, made.tile.data()).status;
  return made;
}

}  // namespace

TEST("tile: one workspace serves images of all sizes and kinds") {
  Workspace shared;
  for (const auto& [width, height] :
       {std::pair{1, 1}, {100, 3}, {3, 100}, {24, 24}, {72, 72}, {48, 48}}) {
    for (const bool progressive : {false, true}) {
      const Bytes jpeg = sampleJpeg(
          width, height, JpegOptions{90, progressive, progressive ? 1 : 0, !progressive});
      Workspace fresh;
      const Made made = make(jpeg, shared);
      CHECK(made.status == Status::Ok);
      CHECK(made.tile == make(jpeg, fresh).tile);
    }
  }
}

TEST("tile: a JPEG cut at any byte has a status, and no stale pixels") {
  Workspace workspace;
  for (const bool progressive : {false, true}) {
    const Bytes jpeg = sampleJpeg(40, 30, JpegOptions{80, progressive, 0, true});
    for (std::size_t length = 0; length < jpeg.size(); ++length) {
      const Bytes cut(jpeg.begin(), jpeg.begin() + static_cast<long>(length));
      const Made made = make(cut, workspace);
      CHECK(made.status != Status::Ok);
      CHECK(made.black());
      const Made kept = make(cut, workspace, true);
      CHECK(kept.status == made.status);
      CHECK(made.status == Status::Damaged || kept.black());
    }
  }
}

TEST("tile: mutated JPEGs are right, or have a status and no stale pixels") {
  Workspace workspace;
  Noise source(11);
  for (int i = 0; i < 3000; ++i) {
    Bytes jpeg = sampleJpeg(33, 17, JpegOptions{70, i % 3 == 0, i % 2, i % 5 != 0});
    const std::uint32_t changes = 1 + source.below(4);
    for (std::uint32_t k = 0; k < changes; ++k) {
      jpeg[source.below(static_cast<std::uint32_t>(jpeg.size()))] = source.byte();
    }
    const Made made = make(jpeg, workspace);
    const bool stale =
        std::all_of(made.tile.begin(), made.tile.end(), [](auto value) { return value == kStale; });
    CHECK(!stale);
    CHECK(made.status == Status::Ok || made.black());
  }
}

TEST("tile: limits are checked before anything is decoded") {
  Workspace workspace;
  const Bytes jpeg = sampleJpeg(100, 100);
  const TemporaryFile stored(jpeg);
  Bytes tile(tileBytes(kSize), kStale);
  TileOptions chosen = options();
  chosen.limits.maxPixels = 9999;
  CHECK(lungcls::tileFromSource({stored.path(), {}}, chosen, workspace, tile.data()).status ==
        Status::TooLarge);
  chosen.limits.maxPixels = 10000;
  CHECK(lungcls::tileFromSource({stored.path(), {}}, chosen, workspace, tile.data()).ok());
  chosen.limits.maxFileBytes = jpeg.size() - 1;
  CHECK(lungcls::tileFromSource({stored.path(), {}}, chosen, workspace, tile.data()).status ==
        Status::TooLarge);
  CHECK(tile == Bytes(tileBytes(kSize), 0));
}

TEST("tile: files that are no image have a status") {
  Workspace workspace;
  Bytes tile(tileBytes(kSize));
  const auto statusOf = [&](const Bytes& bytes) {
    const TemporaryFile stored(bytes);
    std::fill(tile.begin(), tile.end(), kStale);
    const auto outcome =
        lungcls::tileFromSource({stored.path(), {}}, options(), workspace, tile.data());
    CHECK(tile == Bytes(tileBytes(kSize), 0));
    CHECK(!outcome.message.empty());
    return outcome.status;
  };
  CHECK(statusOf({}) == Status::Empty);
  CHECK(statusOf({'t', 'e', 'x', 't'}) == Status::NotJpeg);
  CHECK(statusOf({0xFF, 0xD8}) == Status::Header);
  CHECK(statusOf({0xFF, 0xD8, 0xFF, 0xE0, 0, 16}) == Status::Header);
  CHECK(
      lungcls::tileFromSource({"/nowhere/at/all", {}}, options(), workspace, tile.data()).status ==
      Status::NotFound);
  CHECK(lungcls::tileFromSource({"/", {}}, options(), workspace, tile.data()).status ==
        Status::Unreadable);
}
