// From the needed samples of each component to the rows of the result, as far as they are there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "plan.hpp"

namespace lungcls::jpeg_sparse {

class PixelRows {
 public:
  explicit PixelRows(const Kernels& kernels) : kernels_(&kernels) {}

  // `plan` must outlive the image; `rgb` as in SparseJob.
  void begin(const Plan& plan, std::uint8_t* rgb);

  // Where the inverse DCT puts the needed rows of one row of MCUs of a component.
  [[nodiscard]] std::uint8_t* samples(int component) {
    return components_[component].samples.data();
  }

  // All samples of that row of MCUs are there: makes what can be made of them.
  void finishMcuRow(int mcuRow);

 private:
  struct Component {
    std::vector<std::uint8_t> samples;  // one row of MCUs, as the inverse DCT leaves them
    std::vector<std::uint16_t> chroma;  // all needed rows, as pickChroma makes them
  };

  void pickSamples(int component, int mcuRow);
  void makePixels(int row);
  void mixColumns(int row, int channel, const std::uint8_t* pixels);
  void makeOutput(int lastRow);
  [[nodiscard]] ChromaRows chromaRows(int component, const PixelRow& row) const;

  const Kernels* kernels_;
  const Plan* plan_ = nullptr;
  std::uint8_t* rgb_ = nullptr;
  std::array<Component, kMaxComponents> components_;
  std::vector<std::uint8_t> luma_;  // all needed rows, one sample a needed pixel
  std::vector<std::uint8_t> near_;  // one row of chroma
  std::vector<std::uint8_t> far_;
  int pixelRow_ = 0;                                 // next needed row of pixels
  int outRow_ = 0;                                   // next row of the result
  std::array<std::vector<std::uint8_t>, 3> planes_;  // one row of pixels, by channel
  std::vector<std::uint8_t> left_;
  std::vector<std::uint8_t> right_;
  // Two needed rows at output width, by row modulo 2 and channel.
  std::array<std::array<std::vector<std::int16_t>, 3>, 2> mixed_;
};

}  // namespace lungcls::jpeg_sparse
