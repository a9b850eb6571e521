#include "sparse_decoder.hpp"

#include <array>
#include <memory>

#include "image_decode.hpp"

namespace lungcls::jpeg_sparse {

struct Scratch::State {
  explicit State(const Kernels& kernels) {
    for (auto& image : images) image = std::make_unique<ImageDecode>(kernels);
  }

  HuffmanCache tables;
  PlanCache plans;
  std::array<std::unique_ptr<ImageDecode>, 2> images;  // large, so not in place
};

Scratch::Scratch() : Scratch(chosenKernels()) {}
Scratch::Scratch(const Kernels& kernels) : state_(std::make_unique<State>(kernels)) {}
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;
Scratch::~Scratch() = default;

void decodeResized(std::span<SparseJob> jobs, Scratch& scratch) {
  Scratch::State& state = scratch.state();
  auto next = jobs.begin();
  // False if there is no image left.
  const auto beginNext = [&](ImageDecode& image) {
    while (next != jobs.end()) {
      if (image.begin(*next++, state.tables, state.plans)) return true;
    }
    return false;
  };
  const auto advance = [&](ImageDecode& image) {
    return image.finishStretch() || beginNext(image);
  };

  ImageDecode* a = state.images[0].get();
  ImageDecode* b = state.images[1].get();
  bool runA = beginNext(*a);
  bool runB = beginNext(*b);
  while (runA && runB) {
    EntropyDecoder::runPair(a->entropy(), b->entropy());
    if (a->entropy().complete()) runA = advance(*a);
    if (b->entropy().complete()) runB = advance(*b);
  }
  while (runA) runA = advance(*a);
  while (runB) runB = advance(*b);
}

}  // namespace lungcls::jpeg_sparse
