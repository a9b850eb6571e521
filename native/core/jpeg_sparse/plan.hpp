// For one size of image, sampling and output: which samples are needed, and how they come together.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "frame_header.hpp"
#include "gather.hpp"
#include "mix_wide.hpp"
#include "resize_taps.hpp"

namespace lungcls::jpeg_sparse {

// How libjpeg-turbo brings a component to full size (jdsample.c, jinit_upsampler).
enum class Upsampling : std::uint8_t {
  Repeat,      // full size already, or each sample repeated
  Columns,     // h2v1 "fancy": 3/4 of the nearer column, 1/4 of the farther
  Rows,        // h1v2 "fancy"
  RowsColumns  // h2v2 "fancy"
};

// Everything that a plan depends on.
struct Geometry {
  int width = 0;
  int height = 0;
  int componentCount = 0;
  int h = 1;  // sampling factors of the first component; the others have 1 x 1
  int v = 1;
  int outWidth = 0;
  int outHeight = 0;

  friend bool operator==(const Geometry&, const Geometry&) = default;
};

struct ComponentPlan {
  // In a block row (rows of 8 samples): which of the 8 rows are needed, and how many were before.
  struct BlockRow {
    std::uint8_t rows = 0;
    std::int32_t firstRow = 0;
  };

  int h = 1;  // blocks across and down one MCU
  int v = 1;
  int firstBlock = 0;  // of the MCU's blocks
  Upsampling upsampling = Upsampling::Repeat;
  int rowCount = 0;  // rows needed in all
  std::vector<BlockRow> blockRows;

  // Columns: all 8 of each block (slots is 0), or at most 4 of each block.
  int slots = 0;
  // Sparse: matrix rows of the wanted columns: [octet][slot][pair of columns][block of 8][2].
  std::vector<std::int16_t> weights;
  // Of the buffer that holds one MCU row of needed rows. Dense rows stand in natural order; sparse
  // ones in 16 bytes for 4 blocks, [slot][block].
  int octetBytes = 0;
  std::size_t stride = 0;

  // From such a row to the samples of the needed pixels; `far` for Columns and RowsColumns.
  Gather near;
  Gather far;
  WidePairs widePairs;  // chroma: both at once
};

// The samples of one needed row of pixels.
struct PixelRow {
  std::int32_t near[2];  // needed row of each component kind (luma, chroma)
  std::int32_t far;      // of chroma; Rows and RowsColumns
  std::int32_t rowBias;  // for Rows
  std::int32_t mcuRow;   // once this row of MCUs is decoded, the pixel row can be made
};

struct Plan {
  Geometry geometry;
  int mcusAcross = 0;
  int mcusDown = 0;
  int blocksPerMcu = 0;
  int batchMcus = 0;  // MCUs transformed at a time: whole octets of blocks
  std::array<ComponentPlan, kMaxComponents> components;

  int columnCount = 0;  // needed pixels in a row
  std::size_t pixelStride = 0;
  std::vector<PixelRow> pixelRows;
  // What chroma upsampling adds before its shift, by needed column.
  std::vector<std::uint16_t> columnBias;

  ResizeMethod method = ResizeMethod::Pick;
  Gather left;  // per output column: its two needed pixels
  Gather right;
  WideMix wideMix;  // both at once
  std::vector<std::int16_t> leftWeights;
  std::vector<std::int16_t> rightWeights;
  AxisTaps outRows;  // per output row: its two needed rows
  std::size_t outStride = 0;

  // Bytes of working memory that a decode needs.
  [[nodiscard]] std::uint64_t workBytes() const;
};

std::unique_ptr<Plan> makePlan(const Geometry& geometry);

}  // namespace lungcls::jpeg_sparse
