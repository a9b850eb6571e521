#include "tile.hpp"

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

Outcome readAndDecode(const ImageSource& source, const TileOptions& options, Workspace& workspace,
                      std::uint8_t* tile) {
  std::size_t length = 0;
  if (auto outcome = readSource(source, options.limits, workspace, length); !outcome.ok()) {
    return outcome;
  }
  const std::span<const std::uint8_t> bytes(workspace.encoded.data(), length);
  if (bytes.empty()) return {Status::Empty, "The file is empty"};
  if (!looksLikeJpeg(bytes)) return {Status::NotJpeg, "Not a JPEG file"};
  return tileFromJpeg(bytes, options, workspace, tile);
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
  File file;
  if (auto outcome = file.open(source.file); !outcome.ok()) return outcome;
  if (source.entry) {
    length = source.entry->uncompressedSize;
    return readZipEntry(file, *source.entry, limits.maxFileBytes, workspace.packed,
                        workspace.encoded);
  }
  if (file.size() > limits.maxFileBytes) return tooManyBytes(file.size(), limits.maxFileBytes);
  length = static_cast<std::size_t>(file.size());
  return file.read(0, {workspace.encoded.reserve(length), length});
}

Outcome tileFromJpeg(std::span<const std::uint8_t> bytes, const TileOptions& options,
                     Workspace& workspace, std::uint8_t* tile) {
  auto outcome = decodeJpeg(bytes, options.limits, workspace.image, workspace.spare);
  if (outcome.ok() || (outcome.status == Status::Damaged && options.keepDamaged)) {
    workspace.plan.prepare(workspace.image.width, workspace.image.height, options.size,
                           options.size);
    workspace.plan.run(workspace.image.pixels.data(), tile);
  } else {
    std::memset(tile, 0, tileBytes(options.size));
  }
  return outcome;
}

Outcome tileFromSource(const ImageSource& source, const TileOptions& options, Workspace& workspace,
                       std::uint8_t* tile) noexcept {
  Outcome outcome;
  try {
    outcome = readAndDecode(source, options, workspace, tile);
  } catch (const std::bad_alloc&) {
    outcome = {Status::TooLarge, "There is not enough memory for this image"};
  } catch (const std::exception& error) {
    outcome = {Status::Internal, error.what()};
  }
  const bool filled = outcome.ok() || (outcome.status == Status::Damaged && options.keepDamaged);
  if (!filled) std::memset(tile, 0, tileBytes(options.size));
  workspace.trim();
  return outcome;
}

}  // namespace lungcls
