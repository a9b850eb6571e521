// OpenCV's cv::resize(INTER_LINEAR) and (INTER_AREA) on 8-bit images, bit for bit: its fixed-point
// arithmetic, its borders, and its switch to 2 x 2 averaging at exactly half the size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image.hpp"
#include "resize_area.hpp"

namespace lungcls {

enum class Interpolation : std::uint8_t {
  Linear,  // INTER_LINEAR: mixes the 2 x 2 pixels around a point
  Area,    // INTER_AREA: the mean of what a pixel covers; where an axis grows, OpenCV's emulation
};

// The sampling positions of one size pair. Kept by its user: most tiles of a run have one size.
class ResizePlan {
 public:
  // Sizes are at least 1.
  void prepare(int fromWidth, int fromHeight, int toWidth, int toHeight,
               Interpolation interpolation = Interpolation::Linear);

  // `from`: fromHeight rows of fromWidth RGB pixels; `to`: toHeight rows of toWidth RGB pixels.
  void run(const std::uint8_t* from, std::uint8_t* to);

 private:
  struct Column {
    std::int32_t left;  // byte offsets of the two pixels to mix
    std::int32_t right;
    std::int16_t leftWeight;  // in units of 1/2048
    std::int16_t rightWeight;
  };
  struct Row {
    std::int32_t above;
    std::int32_t below;
    std::int16_t aboveWeight;
    std::int16_t belowWeight;
  };
  enum class Method : std::uint8_t { Copy, Pick, HalfArea, Area, Linear };

  void prepareTaps();
  void mixColumns(const std::uint8_t* from, std::int16_t* to) const;
  void runLinear(const std::uint8_t* from, std::uint8_t* to);
  void runPick(const std::uint8_t* from, std::uint8_t* to) const;
  void runHalfArea(const std::uint8_t* from, std::uint8_t* to) const;

  Method method_ = Method::Copy;
  Interpolation interpolation_ = Interpolation::Linear;
  int fromWidth_ = 0, fromHeight_ = 0, toWidth_ = 0, toHeight_ = 0;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
  std::size_t wideColumns_ = 0;  // the first columns, which vector code may take
  // Two horizontally resized rows, each with the number of the source row it was made from.
  std::vector<std::int16_t> mixed_[2];
  int mixedRow_[2] = {-1, -1};
  AreaPlan area_;
};

}  // namespace lungcls
