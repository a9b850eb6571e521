// OpenCV's cv::resize(INTER_AREA) on 8-bit images where neither axis grows, bit for bit: each pixel
// of the result is the mean of the source pixels that it covers, those at its border in part.
#pragma once

#include <cstdint>
#include <vector>

namespace lungcls {

class AreaPlan {
 public:
  // `scaleX` and `scaleY`: source pixels a pixel of the result, as OpenCV rounds them; at least 1.
  void prepare(int fromWidth, int fromHeight, int toWidth, int toHeight, double scaleX,
               double scaleY);

  // As ResizePlan::run.
  void run(const std::uint8_t* from, std::uint8_t* to);

 private:
  // What a source pixel (row) adds to one of the result.
  struct Share {
    std::int32_t from;
    std::int32_t to;
    float weight;
  };

  static void share(int from, int to, double scale, std::vector<Share>& shares);
  void runWhole(const std::uint8_t* from, std::uint8_t* to);
  void runShares(const std::uint8_t* from, std::uint8_t* to);
  void mixColumns(const std::uint8_t* from);

  int fromWidth_ = 0, toWidth_ = 0, toHeight_ = 0;
  int stepX_ = 0, stepY_ = 0;  // where both are whole numbers; else 0
  std::vector<Share> columns_;
  std::vector<Share> rows_;
  std::vector<std::uint16_t> shortSums_;  // of stepY_ source rows; where they might not fit:
  std::vector<std::uint32_t> longSums_;
  std::vector<float> mixed_;  // a source row at the width of the result
  std::vector<float> sum_;    // a row of the result
};

}  // namespace lungcls
