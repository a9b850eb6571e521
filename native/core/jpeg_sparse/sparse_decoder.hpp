// Baseline JPEG to a resized RGB image, computing only the samples that the resize reads. The bytes
// are those of OpenCV's resize(imread(file), INTER_LINEAR), in RGB order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sparse_result.hpp"

namespace lungcls::jpeg_sparse {

struct SparseJob {
  std::span<const std::uint8_t> jpeg;
  int outWidth = 0;  // at least 1
  int outHeight = 0;
  std::uint8_t* rgb = nullptr;            // outWidth * outHeight * 3 bytes
  std::uint64_t maxPixels = 100'000'000;  // of the JPEG; NotTaken beyond
  bool filtered = false;                  // antialiased: as if the file had filtered tables
  SparseResult result = SparseResult::NotTaken;
};

struct Kernels;

// Working memory and look-up tables, kept from image to image: in the steady state nothing is
// allocated. For one thread at a time.
class Scratch {
 public:
  Scratch();  // for chosenKernels()
  explicit Scratch(const Kernels& kernels);
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;
  ~Scratch();

  struct State;
  [[nodiscard]] State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Sets the result of each job. Where it is not Ok the pixels are unspecified: the caller decodes
// that file with libjpeg-turbo, which also decides whether it is damaged at all. Two images at a
// time are decoded in turns, which is faster than one after the other; so hand over several jobs if
// there are. Throws std::bad_alloc.
void decodeResized(std::span<SparseJob> jobs, Scratch& scratch);

}  // namespace lungcls::jpeg_sparse
