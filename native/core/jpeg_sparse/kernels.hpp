// The vectorised inner loops, compiled once for each kind of CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "gather.hpp"
#include "inverse_dct.hpp"
#include "plan.hpp"

namespace lungcls::jpeg_sparse {

// Eight horizontally neighbouring blocks of a component.
struct Octet {
  std::int16_t* coefficients = nullptr;   // in pair order; inverseDct leaves zeros
  const std::int32_t* offsets = nullptr;  // of each block
  const Dequantizer* dequantizer = nullptr;
  const std::int16_t* weights = nullptr;  // sparse: of this octet's columns (see ComponentPlan)
  std::uint8_t* out = nullptr;            // first needed row
};

// Octets of which the same rows are needed.
struct InverseDctJob {
  std::span<const Octet> octets;
  std::uint8_t rows = 0;  // bit mask; not 0
  int slots = 0;          // 0: all columns
  std::size_t stride = 0;
};

// One row of chroma samples to the needed columns, upsampled but for the rounding.
struct PickChromaJob {
  const std::uint8_t* samples = nullptr;
  const ComponentPlan* plan = nullptr;
  // Working memory: the nearer and the farther sample of each column.
  std::uint8_t* near = nullptr;
  std::uint8_t* far = nullptr;
};

// What pickChroma made of the nearer and the farther row.
struct ChromaRows {
  const std::uint16_t* near = nullptr;
  const std::uint16_t* far = nullptr;
};

struct ColourJob {
  const std::uint8_t* luma = nullptr;
  ChromaRows blue;
  ChromaRows red;
  Upsampling upsampling = Upsampling::Repeat;
  const std::uint16_t* columnBias = nullptr;
  int rowBias = 0;
  std::size_t count = 0;
};

// One channel of a row of pixels to output width.
struct MixColumnsJob {
  const std::uint8_t* pixels = nullptr;
  const Plan* plan = nullptr;
  // Working memory: the left and the right pixel of each output.
  std::uint8_t* left = nullptr;
  std::uint8_t* right = nullptr;
};

struct MixRowsJob {
  const std::int16_t* above[3];  // red, green, blue
  const std::int16_t* below[3];
  int aboveWeight = 0;
  int belowWeight = 0;
  bool average = false;  // (above + below + 2) / 4, weights unused
  std::size_t count = 0;
};

// All rows, in and out, may be read and written up to kRowPadding bytes beyond their end, but for
// interleaved RGB, of which just 3 * count bytes are written.
struct Kernels {
  const char* name;  // avx512, avx2, sse4, neon, scalar
  // False if a number left the range in which the result is certain to be libjpeg-turbo's.
  bool (*inverseDct)(const InverseDctJob& job);
  void (*gather)(const Gather& gather, const std::uint8_t* from, std::uint8_t* to);
  // 3 * near + far where upsampling mixes columns, else near.
  void (*pickChroma)(const PickChromaJob& job, std::uint16_t* to);
  void (*colourPlanes)(const ColourJob& job, std::uint8_t* const planes[3]);
  void (*colourPixels)(const ColourJob& job, std::uint8_t* rgb);
  void (*greyPixels)(const std::uint8_t* luma, std::size_t count, std::uint8_t* rgb);
  void (*mixColumns)(const MixColumnsJob& job, std::int16_t* to);
  void (*mixRows)(const MixRowsJob& job, std::uint8_t* rgb);
};

// Those compiled in that this machine can run, best first.
std::span<const Kernels* const> supportedKernels();

// Those that a Scratch takes by itself from now on: the best, unless others were chosen.
const Kernels& chosenKernels();
// False, and nothing changes, if this machine has none of that name.
bool chooseKernels(std::string_view name);

}  // namespace lungcls::jpeg_sparse
