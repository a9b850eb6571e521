// Deterministic pixels and JPEGs for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lungcls::test {

// The generator of make_resize_cases.py: the high bytes of a linear congruential sequence
// (Numerical Recipes' constants).
class Noise {
 public:
  explicit Noise(std::uint32_t seed) : state_(seed) {}

  std::uint32_t next() {
    state_ = state_ * 1664525U + 1013904223U;
    return state_;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(next() >> 24); }
  // 0 to limit - 1.
  std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next()) * limit) >> 32);
  }

 private:
  std::uint32_t state_;
};

std::vector<std::uint8_t> noise(std::size_t bytes, std::uint32_t seed);

struct JpegOptions {
  int quality = 85;
  bool progressive = false;
  int restartRows = 0;
  bool subsampled = true;
};

// An RGB JPEG of noise over a gradient.
std::vector<std::uint8_t> sampleJpeg(int width, int height, const JpegOptions& options = {});

// FNV-1a, 64 bits.
std::uint64_t hashOf(std::span<const std::uint8_t> bytes);

// A file that is removed in the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const std::uint8_t> content);
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace lungcls::test
