// Side by side, on one thread: libjpeg-turbo and the sparse decoder, on the files of a folder.
//
//   jpeg_sparse_bench FOLDER SIZE [ROUNDS [KERNELS]]
//
// Files are read beforehand. Each round makes every trial once over all files; the medians over the
// rounds are printed as tiles per second of processor time, and relative to full decoding plus
// resize.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

// jpeglib.h needs size_t and FILE to be declared before it.
#include <jpeglib.h>

#include "../../resize.hpp"
#include "kernels.hpp"
#include "sparse_decoder.hpp"

namespace {

using namespace lungcls::jpeg_sparse;
using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> readFolder(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<Bytes> files;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return files;
}

// One decompressor for all files, as a loop over imread would at best.
class LibjpegTurbo {
 public:
  LibjpegTurbo() {
    info_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&info_);
  }
  LibjpegTurbo(const LibjpegTurbo&) = delete;
  LibjpegTurbo& operator=(const LibjpegTurbo&) = delete;
  ~LibjpegTurbo() { jpeg_destroy_decompress(&info_); }

  const std::uint8_t* decode(const Bytes& file) {
    begin(file);
    info_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info_);
    const std::size_t stride = std::size_t{3} * info_.output_width;
    pixels_.resize(stride * info_.output_height);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels_.data() + stride * info_.output_scanline;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return pixels_.data();
  }
  void decodeEntropy(const Bytes& file) {
    begin(file);
    jpeg_read_coefficients(&info_);
    jpeg_finish_decompress(&info_);
  }
  [[nodiscard]] int width() const { return static_cast<int>(info_.image_width); }
  [[nodiscard]] int height() const { return static_cast<int>(info_.image_height); }

 private:
  void begin(const Bytes& file) {
    jpeg_mem_src(&info_, file.data(), file.size());
    jpeg_read_header(&info_, TRUE);
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  Bytes pixels_;
};

// Processor time of this thread, so that other processes disturb less.
double threadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Trial {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;

  [[nodiscard]] double median() {
    std::ranges::sort(seconds);
    return seconds[seconds.size() / 2];
  }
};

// One round more than asked for: the first is a warm-up.
void runTrials(std::vector<Trial>& trials, int rounds) {
  for (int round = -1; round < rounds; ++round) {
    for (Trial& trial : trials) {
      const double begin = threadSeconds();
      trial.run();
      if (round >= 0) trial.seconds.push_back(threadSeconds() - begin);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "Usage: jpeg_sparse_bench FOLDER SIZE [ROUNDS [KERNELS]]\n");
    return 2;
  }
  const std::vector<Bytes> files = readFolder(argv[1]);
  const int size = std::atoi(argv[2]);
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 7;
  const std::size_t tileBytes = std::size_t{3} * size * size;
  Bytes tiles(tileBytes * files.size());  // results are kept

  LibjpegTurbo turbo;
  lungcls::ResizePlan resize;
  std::vector<Trial> trials;
  trials.push_back({"libjpeg-turbo + resize",
                    [&] {
                      for (std::size_t i = 0; i < files.size(); ++i) {
                        const std::uint8_t* pixels = turbo.decode(files[i]);
                        resize.prepare(turbo.width(), turbo.height(), size, size);
                        resize.run(pixels, tiles.data() + i * tileBytes);
                      }
                    },
                    {}});
  trials.push_back({"libjpeg-turbo, entropy only",
                    [&] {
                      for (const Bytes& file : files) turbo.decodeEntropy(file);
                    },
                    {}});
  std::vector<const Kernels*> chosen;
  std::vector<Scratch> scratches;
  for (const Kernels* kernels : supportedKernels()) {
    if (argc <= 4 || std::strstr(argv[4], kernels->name) != nullptr) {
      chosen.push_back(kernels);
      scratches.emplace_back(*kernels);
    }
  }
  const auto sparse = [&](Scratch& scratch, std::size_t together) {
    std::vector<SparseJob> jobs;
    for (std::size_t i = 0; i < files.size(); ++i) {
      jobs.push_back({.jpeg = files[i],
                      .outWidth = size,
                      .outHeight = size,
                      .rgb = tiles.data() + i * tileBytes});
    }
    const std::span<SparseJob> all(jobs);
    for (std::size_t i = 0; i < jobs.size(); i += together) {
      decodeResized(all.subspan(i, std::min(together, jobs.size() - i)), scratch);
    }
    for (const SparseJob& job : jobs) {
      if (job.result != SparseResult::Ok) std::fprintf(stderr, "A file was not taken\n");
    }
  };
  for (std::size_t k = 0; k < scratches.size(); ++k) {
    const std::string name = chosen[k]->name;
    trials.push_back({name + ", one stream", [&, k] { sparse(scratches[k], 1); }, {}});
    trials.push_back({name + ", two streams", [&, k] { sparse(scratches[k], files.size()); }, {}});
  }

  runTrials(trials, rounds);
  const double base = trials.front().median();
  for (Trial& trial : trials) {
    const double seconds = trial.median();
    std::printf("%-30s %8.0f tiles/s  x %.2f\n", trial.name.c_str(),
                static_cast<double>(files.size()) / seconds, base / seconds);
  }
}
