#include "pixel_rows.hpp"

#include <bit>

namespace lungcls::jpeg_sparse {
namespace {

template <class T>
void growTo(std::vector<T>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
}

}  // namespace

void PixelRows::begin(const Plan& plan, std::uint8_t* rgb) {
  plan_ = &plan;
  rgb_ = rgb;
  pixelRow_ = 0;
  outRow_ = 0;
  for (int i = 0; i < plan.geometry.componentCount; ++i) {
    const ComponentPlan& component = plan.components[i];
    growTo(components_[i].samples, std::size_t{8} * component.v * component.stride + kRowPadding);
    const std::size_t samples = component.rowCount * plan.pixelStride + kRowPadding;
    i == 0 ? growTo(luma_, samples) : growTo(components_[i].chroma, samples);
  }
  growTo(near_, plan.pixelStride + kRowPadding);
  growTo(far_, plan.pixelStride + kRowPadding);
  if (plan.method == ResizeMethod::Pick) return;
  for (auto& plane : planes_) growTo(plane, plan.pixelStride + kRowPadding);
  growTo(left_, plan.outStride + kRowPadding);
  growTo(right_, plan.outStride + kRowPadding);
  for (auto& row : mixed_) {
    for (auto& channel : row) growTo(channel, plan.outStride + kRowPadding);
  }
}

void PixelRows::finishMcuRow(int mcuRow) {
  for (int i = 0; i < plan_->geometry.componentCount; ++i) pickSamples(i, mcuRow);
  const int rows = static_cast<int>(plan_->pixelRows.size());
  for (; pixelRow_ < rows && plan_->pixelRows[pixelRow_].mcuRow <= mcuRow; ++pixelRow_) {
    makePixels(pixelRow_);
  }
}

void PixelRows::pickSamples(int index, int mcuRow) {
  const ComponentPlan& component = plan_->components[index];
  Component& buffers = components_[index];
  const std::uint8_t* from = buffers.samples.data();
  for (int v = 0; v < component.v; ++v) {
    const auto& blockRow = component.blockRows[mcuRow * component.v + v];
    const int count = std::popcount(blockRow.rows);
    std::size_t to = blockRow.firstRow * plan_->pixelStride;
    for (int i = 0; i < count; ++i, to += plan_->pixelStride, from += component.stride) {
      if (index == 0) {
        kernels_->gather(component.near, from, luma_.data() + to);
      } else {
        kernels_->pickChroma(
            {.samples = from, .plan = &component, .near = near_.data(), .far = far_.data()},
            buffers.chroma.data() + to);
      }
    }
  }
}

ChromaRows PixelRows::chromaRows(int index, const PixelRow& row) const {
  const std::uint16_t* chroma = components_[index].chroma.data();
  return {.near = chroma + row.near[1] * plan_->pixelStride,
          .far = chroma + row.far * plan_->pixelStride};
}

void PixelRows::makePixels(int index) {
  const PixelRow& row = plan_->pixelRows[index];
  const std::uint8_t* luma = luma_.data() + row.near[0] * plan_->pixelStride;
  const auto columns = static_cast<std::size_t>(plan_->columnCount);
  const bool grey = plan_->geometry.componentCount == 1;
  const bool pick = plan_->method == ResizeMethod::Pick;
  std::uint8_t* const to = rgb_ + 3 * columns * index;  // when rows are picked
  if (grey) {
    if (pick) return kernels_->greyPixels(luma, columns, to);
    mixColumns(index, 0, luma);
  } else {
    ColourJob job;
    job.luma = luma;
    job.blue = chromaRows(1, row);
    job.red = chromaRows(2, row);
    job.upsampling = plan_->components[1].upsampling;
    job.columnBias = plan_->columnBias.data();
    job.rowBias = row.rowBias;
    job.count = columns;
    if (pick) return kernels_->colourPixels(job, to);
    std::uint8_t* const planes[3] = {planes_[0].data(), planes_[1].data(), planes_[2].data()};
    kernels_->colourPlanes(job, planes);
    for (int c = 0; c < 3; ++c) mixColumns(index, c, planes[c]);
  }
  makeOutput(index);
}

// One channel of a row of pixels to output width.
void PixelRows::mixColumns(int index, int channel, const std::uint8_t* row) {
  const MixColumnsJob job{
      .pixels = row, .plan = plan_, .left = left_.data(), .right = right_.data()};
  kernels_->mixColumns(job, mixed_[index % 2][channel].data());
}

// The rows of the result that need no later row of pixels. Each needs one row or two neighbouring
// ones of those that are needed at all.
void PixelRows::makeOutput(int lastRow) {
  const auto width = static_cast<std::size_t>(plan_->geometry.outWidth);
  const AxisTaps& taps = plan_->outRows;
  for (; outRow_ < plan_->geometry.outHeight; ++outRow_) {
    const int above = taps.first[outRow_];
    const int below = taps.second[outRow_];
    if (above > lastRow || below > lastRow) return;
    MixRowsJob job{.above = {},
                   .below = {},
                   .aboveWeight = taps.firstWeight[outRow_],
                   .belowWeight = taps.secondWeight[outRow_],
                   .average = plan_->method == ResizeMethod::Average,
                   .count = width};
    for (int c = 0; c < 3; ++c) {
      const int channel = plan_->geometry.componentCount == 1 ? 0 : c;
      job.above[c] = mixed_[above % 2][channel].data();
      job.below[c] = mixed_[below % 2][channel].data();
    }
    kernels_->mixRows(job, rgb_ + 3 * width * outRow_);
  }
}

}  // namespace lungcls::jpeg_sparse
