// The sparse JPEG decoder with a C interface, for jpeg_sparse_parity.py.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "sparse_decoder.hpp"

using namespace lungcls::jpeg_sparse;

extern "C" {

__attribute__((visibility("default"))) const char* sparseKernels(int index) {
  const auto kernels = supportedKernels();
  return index < static_cast<int>(kernels.size()) ? kernels[index]->name : nullptr;
}

// Decodes `count` files with the index-th kernels into `rgb`, one after the other; sets results.
__attribute__((visibility("default"))) void sparseDecode(int index, int count,
                                                         const std::uint8_t* const* files,
                                                         const std::size_t* sizes, int width,
                                                         int height, std::uint8_t* rgb,
                                                         std::uint8_t* results) {
  static std::vector<Scratch> scratches;
  if (scratches.empty()) {
    for (const Kernels* kernels : supportedKernels()) scratches.emplace_back(*kernels);
  }
  std::vector<SparseJob> jobs(count);
  const std::size_t bytes = std::size_t{3} * width * height;
  for (int i = 0; i < count; ++i) {
    jobs[i] = {.jpeg = {files[i], sizes[i]},
               .outWidth = width,
               .outHeight = height,
               .rgb = rgb + bytes * i};
  }
  decodeResized(jobs, scratches[index]);
  for (int i = 0; i < count; ++i) results[i] = static_cast<std::uint8_t>(jobs[i].result);
}

}  // extern "C"
