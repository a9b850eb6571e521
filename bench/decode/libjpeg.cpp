// libjpeg-turbo alone, on one thread; files are read anew in each round, as the others do.
//
//   libjpeg full|scaled|entropy|read FOLDER SIZE
//
// full: the whole image as RGB. scaled: by the smallest N/8 that gives SIZE pixels or more.
// entropy: coefficients only, the floor of every decoder that uses this library. read: no decoding
// at all.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// jpeglib.h needs size_t and FILE to be declared before it.
#include <jpeglib.h>

namespace {

using Bytes = std::vector<std::uint8_t>;

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void readFile(const std::filesystem::path& path, Bytes& bytes) {
  bytes.resize(std::filesystem::file_size(path));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void decode(jpeg_decompress_struct& info, std::string_view mode, unsigned size, const Bytes& file,
            Bytes& pixels) {
  jpeg_mem_src(&info, file.data(), file.size());
  jpeg_read_header(&info, TRUE);
  if (mode == "entropy") {
    jpeg_read_coefficients(&info);
    jpeg_finish_decompress(&info);
    return;
  }
  info.out_color_space = JCS_RGB;
  if (mode == "scaled") {
    const unsigned side = std::min(info.image_width, info.image_height);
    info.scale_denom = 8;
    info.scale_num = std::clamp((size * 8 + side - 1) / side, 1U, 8U);
  }
  jpeg_start_decompress(&info);
  const std::size_t stride = std::size_t{3} * info.output_width;
  pixels.resize(stride * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels.data() + stride * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string_view mode = argv[1];
  const auto size = static_cast<unsigned>(std::atoi(argv[3]));
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  Bytes file;
  Bytes pixels;
  const auto decodeAll = [&] {
    for (const auto& path : files) {
      readFile(path, file);
      if (mode != "read") decode(info, mode, size, file, pixels);
    }
  };
  decodeAll();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    decodeAll();
    const double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    const double start = now(CLOCK_MONOTONIC);
    int passes = 0;
    double seconds = 0;
    while (seconds < 0.4) {
      decodeAll();
      ++passes;
      seconds = now(CLOCK_MONOTONIC) - start;
    }
    std::printf("{\"passes\":%d,\"seconds\":%.9f,\"cpuSeconds\":%.9f}\n", passes, seconds,
                now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    std::fflush(stdout);
  }
  jpeg_destroy_decompress(&info);
}
