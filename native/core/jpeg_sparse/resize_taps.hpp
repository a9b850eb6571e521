// Which source samples OpenCV's bilinear resize reads along one axis, and with which weights.
#pragma once

#include <cstdint>
#include <vector>

namespace lungcls::jpeg_sparse {

enum class ResizeMethod : std::uint8_t {
  Pick,     // every output pixel is one source pixel
  Average,  // exactly half the size: mean of 2 x 2 pixels
  Linear,
};

struct AxisTaps {
  std::vector<std::int32_t> first;  // per output sample: its two source samples
  std::vector<std::int32_t> second;
  std::vector<std::int16_t> firstWeight;  // in units of 1/2048
  std::vector<std::int16_t> secondWeight;
};

struct ResizeTaps {
  ResizeMethod method = ResizeMethod::Pick;
  AxisTaps columns;
  AxisTaps rows;
};

// Sizes are at least 1.
ResizeTaps makeResizeTaps(int fromWidth, int fromHeight, int toWidth, int toHeight);

}  // namespace lungcls::jpeg_sparse
