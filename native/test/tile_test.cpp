#include "core/tile.hpp"

#include <algorithm>
#include <array>
#include <string>
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

// The way the product goes: the sparse decoder first, libjpeg-turbo for what it does not take.
lungcls::Outcome makeFromFile(const std::string& path, const TileOptions& chosen, Bytes& tile) {
  static lungcls::ThreadWorkspace workspace;
  const lungcls::ImageSource source{path, {}};
  lungcls::Outcome outcome;
  lungcls::tilesFromSources({&source, 1}, chosen, workspace, tile.data(), {&outcome, 1});
  return outcome;
}

}  // namespace

TEST("tile: an image inside of a file, or in memory, gives the tile of its own file") {
  static lungcls::ThreadWorkspace workspace;
  const Bytes jpeg = sampleJpeg(48, 48, JpegOptions{90, false, 0, true});
  const TemporaryFile alone(jpeg);
  Bytes expected(tileBytes(kSize), kStale);
  CHECK(makeFromFile(alone.path(), options(), expected).ok());

  Bytes surrounded(700, 0xff);
  surrounded.insert(surrounded.end(), jpeg.begin(), jpeg.end());
  surrounded.insert(surrounded.end(), 300, 0xd8);
  const TemporaryFile archive(surrounded);
  const auto statusOf = [](const lungcls::ImageSource& source, const TileOptions& chosen,
                           Bytes& tile) {
    lungcls::Outcome outcome;
    lungcls::tilesFromSources({&source, 1}, chosen, workspace, tile.data(), {&outcome, 1});
    return outcome.status;
  };
  const auto range = [&archive](std::uint64_t offset, std::uint64_t length) {
    lungcls::ImageSource source{archive.path(), {}};
    source.range = lungcls::ByteRange{offset, length};
    return source;
  };
  const auto memory = [](const Bytes& bytes) {
    lungcls::ImageSource source;
    source.bytes = bytes;
    return source;
  };
  for (const auto& source : {range(700, jpeg.size()), memory(jpeg)}) {
    Bytes tile(tileBytes(kSize), kStale);
    CHECK(statusOf(source, options(), tile) == Status::Ok);
    CHECK(tile == expected);
    TileOptions small = options();
    small.limits.maxFileBytes = jpeg.size() - 1;
    CHECK(statusOf(source, small, tile) == Status::TooLarge);
    CHECK(tile == Bytes(tileBytes(kSize), 0));
  }
  Bytes tile(tileBytes(kSize), kStale);
  CHECK(statusOf(range(700, jpeg.size() + 301), options(), tile) == Status::Unreadable);
  CHECK(statusOf(range(~0ULL >> 1U, 8), options(), tile) == Status::Unreadable);
  CHECK(statusOf(range(700, 0), options(), tile) == Status::Empty);
  CHECK(statusOf(memory({}), options(), tile) == Status::Empty);
}

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

TEST("tile: images decoded in turns are those that libjpeg-turbo decodes alone") {
  static lungcls::ThreadWorkspace pair;
  Workspace alone;
  Noise source(23);
  for (int i = 0; i < 400; ++i) {
    std::array<Bytes, lungcls::kInterleaved> files;
    for (Bytes& jpeg : files) {
      jpeg =
          sampleJpeg(1 + static_cast<int>(source.below(90)), 1 + static_cast<int>(source.below(90)),
                     JpegOptions{60, source.below(4) == 0, static_cast<int>(source.below(2)),
                                 source.below(4) != 0});
      if (source.below(3) == 0) {
        jpeg[source.below(static_cast<std::uint32_t>(jpeg.size()))] = source.byte();
      }
    }
    const TemporaryFile first(files[0]);
    const TemporaryFile second(files[1]);
    const std::array<lungcls::ImageSource, lungcls::kInterleaved> sources{
        {{first.path(), {}}, {second.path(), {}}}};
    std::array<lungcls::Outcome, lungcls::kInterleaved> outcomes;
    Bytes tiles(lungcls::kInterleaved * tileBytes(kSize), kStale);
    lungcls::tilesFromSources(sources, options(), pair, tiles.data(), outcomes);
    for (std::size_t k = 0; k < lungcls::kInterleaved; ++k) {
      const auto from = tiles.begin() + static_cast<long>(k * tileBytes(kSize));
      const Made made = make(files[k], alone);
      // A file whose first bytes were changed is told apart from a damaged JPEG earlier.
      CHECK(outcomes[k].status == made.status || outcomes[k].status == Status::NotJpeg);
      CHECK(made.status != Status::Ok || std::equal(made.tile.begin(), made.tile.end(), from));
      CHECK(made.status == Status::Ok ||
            std::all_of(from, from + static_cast<long>(tileBytes(kSize)),
                        [](auto value) { return value == 0; }));
    }
  }
}

TEST("tile: limits are checked before anything is decoded") {
  const Bytes jpeg = sampleJpeg(100, 100);
  const TemporaryFile stored(jpeg);
  Bytes tile(tileBytes(kSize), kStale);
  TileOptions chosen = options();
  chosen.limits.maxPixels = 9999;
  CHECK(makeFromFile(stored.path(), chosen, tile).status == Status::TooLarge);
  chosen.limits.maxPixels = 10000;
  CHECK(makeFromFile(stored.path(), chosen, tile).ok());
  chosen.limits.maxFileBytes = jpeg.size() - 1;
  CHECK(makeFromFile(stored.path(), chosen, tile).status == Status::TooLarge);
  CHECK(tile == Bytes(tileBytes(kSize), 0));
}

TEST("tile: what decoding may take in memory and time is bounded, whichever decoder it is") {
  const auto statusOf = [](const Bytes& jpeg, const TileOptions& chosen, const char* named) {
    const TemporaryFile stored(jpeg);
    Bytes tile(tileBytes(kSize), kStale);
    const auto outcome = makeFromFile(stored.path(), chosen, tile);
    CHECK(outcome.ok() == (*named == '\0'));
    CHECK(outcome.message.find(named) != std::string::npos);
    CHECK(outcome.ok() || tile == Bytes(tileBytes(kSize), 0));
    return outcome.status;
  };
  for (const bool progressive : {false, true}) {
    const Bytes jpeg = sampleJpeg(400, 300, JpegOptions{80, progressive, 0, false});
    TileOptions chosen = options(true);
    chosen.sparse = false;
    CHECK(statusOf(jpeg, chosen, "") == Status::Ok);
    // The pixels, three bytes each, and of a progressive file its coefficients, two bytes each.
    const std::uint64_t pixels = std::uint64_t{400} * 300 * 3;
    chosen.limits.maxMemory = pixels - 1;
    CHECK(statusOf(jpeg, chosen, "maxMemory") == Status::TooLarge);
    chosen.limits.maxMemory = pixels * 2;
    CHECK(statusOf(jpeg, chosen, progressive ? "maxMemory" : "") ==
          (progressive ? Status::TooLarge : Status::Ok));
    chosen.limits.maxMemory = pixels * 4;
    CHECK(statusOf(jpeg, chosen, "") == Status::Ok);
    chosen.limits.maxTime = std::chrono::milliseconds(0);
    CHECK(statusOf(jpeg, chosen, "maxSeconds") == Status::TooSlow);
  }
}

TEST("tile: a file of endless scans is given up on") {
  const Bytes whole = sampleJpeg(1500, 1000, JpegOptions{50, true, 0, true});
  const std::array<std::uint8_t, 2> startOfScan{0xFF, 0xDA};
  const auto lastScan =
      std::find_end(whole.begin(), whole.end(), startOfScan.begin(), startOfScan.end());
  const auto withScans = [&](int more) {
    Bytes bomb(whole.begin(), whole.end() - 2);
    for (int i = 0; i < more; ++i) bomb.insert(bomb.end(), lastScan, whole.end() - 2);
    bomb.insert(bomb.end(), {0xFF, 0xD9});
    return bomb;
  };
  Workspace workspace;
  Bytes tile(tileBytes(kSize), kStale);
  TileOptions chosen = options();
  chosen.limits.maxPixels = 1500 * 1000;
  // Passes over all blocks, each of which takes milliseconds.
  chosen.limits.maxTime = std::chrono::milliseconds(40);
  const auto slow = lungcls::tileFromJpeg(withScans(400), chosen, workspace, tile.data());
  CHECK(slow.status == Status::TooSlow);
  CHECK(tile == Bytes(tileBytes(kSize), 0));

  const Bytes small = sampleJpeg(8, 8, JpegOptions{50, true, 0, true});
  const auto last =
      std::find_end(small.begin(), small.end(), startOfScan.begin(), startOfScan.end());
  Bytes many(small.begin(), small.end() - 2);
  for (int i = 0; i < 600; ++i) many.insert(many.end(), last, small.end() - 2);
  many.insert(many.end(), {0xFF, 0xD9});
  CHECK(lungcls::tileFromJpeg(many, options(), workspace, tile.data()).status == Status::Corrupt);
}

TEST("tile: files that are no image have a status") {
  Bytes tile(tileBytes(kSize));
  const auto statusOf = [&](const Bytes& bytes) {
    const TemporaryFile stored(bytes);
    std::fill(tile.begin(), tile.end(), kStale);
    const auto outcome = makeFromFile(stored.path(), options(), tile);
    CHECK(tile == Bytes(tileBytes(kSize), 0));
    CHECK(!outcome.message.empty());
    return outcome.status;
  };
  CHECK(statusOf({}) == Status::Empty);
  CHECK(statusOf({'t', 'e', 'x', 't'}) == Status::NotJpeg);
  CHECK(statusOf({0xFF, 0xD8}) == Status::Header);
  CHECK(statusOf({0xFF, 0xD8, 0xFF, 0xE0, 0, 16}) == Status::Header);
  CHECK(makeFromFile("/nowhere/at/all", options(), tile).status == Status::NotFound);
  CHECK(makeFromFile("/", options(), tile).status == Status::Unreadable);
}
