#include "tile.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>

#include "jpeg.hpp"

namespace lungcls {
namespace {

// Working memory kept between tiles, per buffer: enough for a 4096 x 4096 image.
constexpr std::size_t kKeptBytes = 48U << 20;

Outcome tooManyBytes(std::uint64_t bytes, std::uint64_t limit) {
  return {Status::TooLarge, "The file has " + std::to_string(bytes) +
                                " bytes, more than the limit of " + std::to_string(limit)};
}

// The bytes of a JPEG, in workspace.encoded; none where the outcome says why not.
Outcome readJpeg(const ImageSource& source, const TileOptions& options, Workspace& workspace,
                 std::span<const std::uint8_t>& bytes) {
  std::size_t length = 0;
  if (auto outcome = readSource(source, options.limits, workspace, length); !outcome.ok()) {
    return outcome;
  }
  bytes = {workspace.encoded.data(), length};
  if (bytes.empty()) return {Status::Empty, "The file is empty"};
  if (!looksLikeJpeg(bytes)) return {Status::NotJpeg, "Not a JPEG file"};
  return {};
}

// Runs one step of one tile. Whatever it throws becomes the tile's outcome.
template <typename Step>
Outcome guarded(Step step) noexcept {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    return {Status::TooLarge, "There is not enough memory for this image"};
  } catch (const std::exception& error) {
    return {Status::Internal, error.what()};
  }
}

bool leavesPixels(const Outcome& outcome, const TileOptions& options) {
  return outcome.ok() || (outcome.status == Status::Damaged && options.keepDamaged);
}

}  // namespace

void Workspace::trim() {
  packed.shrink(kKeptBytes);
  encoded.shrink(kKeptBytes);
  image.pixels.shrink(kKeptBytes);
  spare.pixels.shrink(kKeptBytes);
}

Outcome readSource(const ImageSource& source, const ImageLimits& limits, Workspace& workspace,
                   std::size_t& length) {
  if (source.bytes) {
    if (source.bytes->size() > limits.maxFileBytes) {
      return tooManyBytes(source.bytes->size(), limits.maxFileBytes);
    }
    length = source.bytes->size();
    std::ranges::copy(*source.bytes, workspace.encoded.reserve(length));
    return {};
  }
  File file;
  if (auto outcome = file.open(source.file); !outcome.ok()) return outcome;
  if (source.entry) {
    length = source.entry->uncompressedSize;
    return readZipEntry(file, *source.entry, limits.maxFileBytes, workspace.packed,
                        workspace.encoded);
  }
  const auto [offset, bytes] = source.range.value_or(ByteRange{0, file.size()});
  if (bytes > limits.maxFileBytes) return tooManyBytes(bytes, limits.maxFileBytes);
  length = static_cast<std::size_t>(bytes);
  return file.read(offset, {workspace.encoded.reserve(length), length});
}

void tileFromPixels(const std::uint8_t* pixels, int width, int height, const TileOptions& options,
                    ResizePlan& plan, std::uint8_t* tile) {
  plan.prepare(width, height, options.size, options.size,
               options.resize == ResizeMode::Area ? Interpolation::Area : Interpolation::Linear);
  plan.run(pixels, tile);
}

Outcome tileFromJpeg(std::span<const std::uint8_t> bytes, const TileOptions& options,
                     Workspace& workspace, std::uint8_t* tile) {
  const Image& image = workspace.image;
  std::optional<int> filterFor;
  if (options.resize == ResizeMode::Fast) filterFor = options.size;
  auto outcome = decodeJpeg(bytes, options.limits, workspace.image, workspace.spare, filterFor);
  if (leavesPixels(outcome, options)) {
    tileFromPixels(image.pixels.data(), image.width, image.height, options, workspace.plan, tile);
  } else {
    std::memset(tile, 0, tileBytes(options.size));
  }
  return outcome;
}

void tilesFromSources(std::span<const ImageSource> sources, const TileOptions& options,
                      ThreadWorkspace& workspace, std::uint8_t* tiles,
                      std::span<Outcome> outcomes) noexcept {
  using jpeg_sparse::SparseJob;
  using jpeg_sparse::SparseResult;
  const std::size_t bytesPerTile = tileBytes(options.size);
  std::array<SparseJob, kInterleaved> jobs;
  std::array<std::size_t, kInterleaved> tileOfJob{};
  std::size_t jobCount = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::span<const std::uint8_t> bytes;
    outcomes[i] = guarded([&] { return readJpeg(sources[i], options, workspace.tiles[i], bytes); });
    if (!outcomes[i].ok()) continue;
    tileOfJob[jobCount] = i;
    jobs[jobCount++] = {.jpeg = bytes,
                        .outWidth = options.size,
                        .outHeight = options.size,
                        .rgb = tiles + i * bytesPerTile,
                        .maxPixels = options.limits.maxPixels,
                        .filtered = options.resize == ResizeMode::Fast};
  }
  // Out of memory leaves NotTaken: libjpeg-turbo's path needs less, and says so itself if it fails.
  if (options.sparse && options.resize != ResizeMode::Area) {
    static_cast<void>(guarded([&]() -> Outcome {
      jpeg_sparse::decodeResized({jobs.data(), jobCount}, workspace.sparse);
      return {};
    }));
  }
  for (std::size_t j = 0; j < jobCount; ++j) {
    if (jobs[j].result == SparseResult::Ok) continue;
    const std::size_t i = tileOfJob[j];
    outcomes[i] = guarded(
        [&] { return tileFromJpeg(jobs[j].jpeg, options, workspace.tiles[i], jobs[j].rgb); });
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!leavesPixels(outcomes[i], options)) {
      std::memset(tiles + i * bytesPerTile, 0, bytesPerTile);
    }
    workspace.tiles[i].trim();
  }
}

}  // namespace lungcls
