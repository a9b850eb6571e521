// Test of the sparse JPEG decoder without OpenCV: random files made by libjpeg-turbo, whole and
// damaged, go through the fuzzer's comparison with libjpeg-turbo, which aborts at the first
// difference.

#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <vector>

// jpeglib.h needs size_t and FILE to be declared before it.
#include <jpeglib.h>

#include "inverse_dct.hpp"
#include "kernels.hpp"
#include "sparse_decoder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace lungcls::jpeg_sparse;
using Bytes = std::vector<std::uint8_t>;

constexpr int kFiles = 400;
constexpr int kMutantsPerFile = 10;

class Random {
 public:
  int below(int end) { return static_cast<int>(engine_() % static_cast<unsigned>(end)); }

 private:
  std::mt19937 engine_{2022};
};

Bytes makeFile(Random& random) {
  static constexpr int kFactors[][2] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}};
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  errors.emit_message = [](j_common_ptr, int) {};  // it remarks on the coarsest tables
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  const bool grey = random.below(5) == 0;
  info.image_width = 1 + random.below(random.below(2) == 0 ? 20 : 150);
  info.image_height = 1 + random.below(random.below(2) == 0 ? 20 : 150);
  info.input_components = grey ? 1 : 3;
  info.in_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 1 + random.below(100), random.below(2) == 0 ? TRUE : FALSE);
  const int* factors = kFactors[random.below(5)];
  info.comp_info[0].h_samp_factor = factors[0];
  info.comp_info[0].v_samp_factor = factors[1];
  info.optimize_coding = random.below(3) == 0 ? TRUE : FALSE;
  info.restart_interval = random.below(3) == 0 ? 1 + random.below(20) : 0;
  info.write_Adobe_marker = random.below(4) == 0 ? TRUE : FALSE;
  jpeg_start_compress(&info, TRUE);
  const int noise = random.below(3) == 0 ? 256 : 1 + random.below(60);
  Bytes row(std::size_t{3} * info.image_width);
  while (info.next_scanline < info.image_height) {
    for (std::size_t x = 0; x < row.size(); ++x) {
      row[x] = static_cast<std::uint8_t>(
          (x * 2 + info.next_scanline * 3 + static_cast<unsigned>(random.below(noise))) & 0xFF);
    }
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes file(buffer, buffer + size);
  std::free(buffer);
  return file;
}

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "Failed: %s\n", what);
  std::exit(1);
}

void compare(const Bytes& file, Random& random) {
  Bytes input = {static_cast<std::uint8_t>(random.below(256)),
                 static_cast<std::uint8_t>(random.below(256))};
  input.insert(input.end(), file.begin(), file.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

SparseResult decode(std::span<const std::uint8_t> file) {
  static Scratch scratch;
  Bytes rgb(3 * 16 * 16);
  SparseJob job{.jpeg = file, .outWidth = 16, .outHeight = 16, .rgb = rgb.data()};
  decodeResized({&job, 1}, scratch);
  return job.result;
}

// The DC coefficient adds the same to each sample: 1, in 13 fractional bits.
void testMatrix() {
  for (const auto& row : makeDctMatrix()) check(row[0] == 8192, "DC factor of the matrix");
}

}  // namespace

int main() {
  testMatrix();
  check(!supportedKernels().empty(), "there are kernels");
  Random random;
  int damaged = 0;
  for (int i = 0; i < kFiles; ++i) {
    const Bytes file = makeFile(random);
    check(decode(file) == SparseResult::Ok, "a whole file is Ok");
    compare(file, random);
    for (int j = 0; j < kMutantsPerFile; ++j) {
      Bytes mutant = file;
      mutant[random.below(static_cast<int>(file.size()))] ^= 1 << random.below(8);
      if (j % 3 == 0) mutant.resize(random.below(static_cast<int>(file.size())));
      damaged += decode(mutant) == SparseResult::Damaged ? 1 : 0;
      compare(mutant, random);
    }
    check(decode(std::span(file).first(file.size() - 1)) == SparseResult::Damaged, "cut by a byte");
  }
  check(damaged > kFiles, "damage is noticed");
  std::printf("%d files, %d mutants (%d damaged): no difference\n", kFiles,
              kFiles * kMutantsPerFile, damaged);
}
