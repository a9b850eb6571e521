// Fuzzer of the sparse JPEG decoder, differential against libjpeg-turbo: where the decoder says Ok,
// libjpeg-turbo must give no warning, and its pixels, resized, must be the same bytes.
//
// Input: two bytes that choose the size of the result, then the file.

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

// jpeglib.h needs size_t and FILE to be declared before it.
#include <jpeglib.h>

#include "../core/resize.hpp"
#include "frame_header.hpp"
#include "kernels.hpp"
#include "sparse_decoder.hpp"

namespace {

using namespace lungcls::jpeg_sparse;

constexpr std::uint64_t kMaxPixels = 200 * 200;
constexpr int kMaxOutput = 100;

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
};

void onError(j_common_ptr info) {
  std::longjmp(reinterpret_cast<Errors*>(info->err)->escape, 1);
}

void onMessage(j_common_ptr info, int level) {
  if (level < 0) ++info->err->num_warnings;
}

// False on an error or a warning.
bool decodeByLibjpeg(std::span<const std::uint8_t> jpeg, std::vector<std::uint8_t>& pixels,
                     int& width, int& height) {
  static jpeg_decompress_struct info;
  static Errors errors;
  info = {};
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = onError;
  errors.base.emit_message = onMessage;
  if (setjmp(errors.escape) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, jpeg.data(), jpeg.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  width = static_cast<int>(info.output_width);
  height = static_cast<int>(info.output_height);
  pixels.resize(std::size_t{3} * width * height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels.data() + std::size_t{3} * width * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  const bool clean = errors.base.num_warnings == 0;
  jpeg_destroy_decompress(&info);
  return clean;
}

[[noreturn]] void fail(const char* what, const char* kernels) {
  std::fprintf(stderr, "%s: %s\n", kernels, what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // An exact copy on the heap, so that the sanitizer sees any read beyond its end.
  const std::vector<std::uint8_t> file(data + 2, data + size);
  int outWidth = 1 + data[0] % kMaxOutput;
  int outHeight = 1 + data[1] % kMaxOutput;
  FrameHeader header;
  if (data[0] < 80 && readFrameHeader(file, header) == SparseResult::Ok &&
      static_cast<std::uint64_t>(header.width) * header.height <= kMaxPixels) {
    outWidth = header.width;
    outHeight = header.height;
  }

  static std::vector<Scratch> scratches;
  static std::vector<std::uint8_t> previous;  // decoded together with this one
  if (scratches.empty()) {
    for (const Kernels* kernels : supportedKernels()) scratches.emplace_back(*kernels);
  }
  const std::size_t bytes = std::size_t{3} * outWidth * outHeight;
  std::vector<std::uint8_t> expected;
  for (std::size_t k = 0; k < scratches.size(); ++k) {
    const char* name = supportedKernels()[k]->name;
    if (std::strcmp(name, "scalar") == 0 && data[1] % 16 != 0) continue;  // slow
    std::vector<std::uint8_t> rgb(bytes);
    std::vector<std::uint8_t> otherRgb(bytes);
    SparseJob jobs[2];
    jobs[0] = {.jpeg = file,
               .outWidth = outWidth,
               .outHeight = outHeight,
               .rgb = rgb.data(),
               .maxPixels = kMaxPixels};
    jobs[1] = jobs[0];
    jobs[1].jpeg = previous;
    jobs[1].rgb = otherRgb.data();
    decodeResized(jobs, scratches[k]);
    if (jobs[0].result != SparseResult::Ok) continue;
    if (expected.empty()) {
      std::vector<std::uint8_t> pixels;
      int width = 0;
      int height = 0;
      if (!decodeByLibjpeg(file, pixels, width, height)) {
        fail("Ok, but libjpeg-turbo warns or fails", name);
      }
      lungcls::ResizePlan resize;
      resize.prepare(width, height, outWidth, outHeight);
      expected.resize(bytes);
      resize.run(pixels.data(), expected.data());
    }
    if (rgb != expected) fail("Other pixels than libjpeg-turbo's", name);
  }
  previous = file;
  return 0;
}
