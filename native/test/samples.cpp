#include "samples.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <jpeglib.h>

namespace lungcls::test {

std::vector<std::uint8_t> noise(std::size_t bytes, std::uint32_t seed) {
  Noise source(seed);
  std::vector<std::uint8_t> out(bytes);
  for (auto& value : out) value = source.byte();
  return out;
}

std::vector<std::uint8_t> sampleJpeg(int width, int height, const JpegOptions& options) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* encoded = nullptr;
  unsigned long length = 0;
  jpeg_mem_dest(&info, &encoded, &length);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, options.quality, TRUE);
  info.restart_in_rows = options.restartRows;
  if (!options.subsampled) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  Noise source(static_cast<std::uint32_t>(width * 7919 + height));
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width) * 3);
  while (info.next_scanline < info.image_height) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = static_cast<std::uint8_t>(i + info.next_scanline * 2 + (source.byte() >> 3));
    }
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::vector<std::uint8_t> bytes(encoded, encoded + length);
  std::free(encoded);
  return bytes;
}

std::uint64_t hashOf(std::span<const std::uint8_t> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

TemporaryFile::TemporaryFile(std::span<const std::uint8_t> content) {
  const char* folder = std::getenv("TMPDIR");
  path_ = std::string(folder != nullptr ? folder : "/tmp") + "/lungcls-XXXXXX";
  const int descriptor = ::mkstemp(path_.data());
  if (descriptor < 0) throw std::runtime_error("cannot make a temporary file");
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t wrote = ::write(descriptor, content.data() + done, content.size() - done);
    if (wrote <= 0) throw std::runtime_error("cannot write a temporary file");
    done += static_cast<std::size_t>(wrote);
  }
  ::close(descriptor);
}

TemporaryFile::~TemporaryFile() {
  ::unlink(path_.c_str());
}

}  // namespace lungcls::test
