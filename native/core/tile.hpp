// One encoded file in, one square RGB tile out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "file.hpp"
#include "image.hpp"
#include "jpeg_sparse/sparse_decoder.hpp"
#include "resize.hpp"
#include "status.hpp"
#include "zip_entry.hpp"

namespace lungcls {

// Bytes of a file that stand as they are, such as an entry of a tar archive.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Where the bytes of an image stand: a file of its own, a zip entry or a range of one, or in
// memory.
struct ImageSource {
  std::string file;
  std::optional<ZipEntry> entry = {};
  std::optional<ByteRange> range = {};
  std::optional<std::vector<std::uint8_t>> bytes = {};
};

// How an image becomes a tile.
enum class ResizeMode : std::uint8_t {
  Cv2,   // OpenCV's resize(imread(file), INTER_LINEAR)
  Area,  // OpenCV's resize(imread(file), INTER_AREA): the mean of what a pixel covers
  Fast,  // as Cv2, antialiased by damping a JPEG's high frequencies
};

struct TileOptions {
  int size = 256;  // side of the square tile, in pixels
  ResizeMode resize = ResizeMode::Cv2;
  ImageLimits limits;
  bool keepDamaged = false;  // give the pixels of images that decoded with a warning
  bool sparse = true;        // false: by libjpeg-turbo alone, to compare the two decoders
};

inline std::size_t tileBytes(int size) {
  return static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * kChannels;
}

// What one tile under way needs; reused from tile to tile so that nothing is allocated.
struct Workspace {
  ScratchBuffer packed;
  ScratchBuffer encoded;
  Image image;
  Image spare;
  ResizePlan plan;

  // Gives back what an unusually large image has taken.
  void trim();
};

// The whole encoded image into workspace.encoded; its length into `length`.
Outcome readSource(const ImageSource& source, const ImageLimits& limits, Workspace& workspace,
                   std::size_t& length);

// Decoded pixels (width * height * 3 bytes) to a tile.
void tileFromPixels(const std::uint8_t* pixels, int width, int height, const TileOptions& options,
                    ResizePlan& plan, std::uint8_t* tile);

// Decodes the JPEG in `bytes` into `tile` (tileBytes(options.size) bytes). Whatever happens, the
// tile is either this image's pixels or zeros.
Outcome tileFromJpeg(std::span<const std::uint8_t> bytes, const TileOptions& options,
                     Workspace& workspace, std::uint8_t* tile);

// How many images a thread decodes in turns: the latency of one hides behind the other.
constexpr std::size_t kInterleaved = 2;

// What one thread needs to make tiles.
struct ThreadWorkspace {
  std::array<Workspace, kInterleaved> tiles;
  jpeg_sparse::Scratch sparse;
};

// Reads and decodes up to kInterleaved sources into as many tiles that follow each other, likewise.
// The outcome is NotJpeg where the caller has to decode it. Never throws.
void tilesFromSources(std::span<const ImageSource> sources, const TileOptions& options,
                      ThreadWorkspace& workspace, std::uint8_t* tiles,
                      std::span<Outcome> outcomes) noexcept;

}  // namespace lungcls
