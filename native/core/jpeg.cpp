#include "jpeg.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csetjmp>
#include <cstdio>
#include <limits>
#include <new>
#include <optional>
#include <string>

// jpeglib.h needs size_t and FILE to be declared before it.
#include <jerror.h>
#include <jpeglib.h>

#include "exif.hpp"
#include "jpeg_sparse/dct_filter.hpp"

#ifndef LIBJPEG_TURBO_VERSION
#error "This is not libjpeg-turbo: pixels would differ from OpenCV's"
#endif

namespace lungcls {
namespace {

using Clock = std::chrono::steady_clock;

// A progressive file may hold any number of scans, each of which costs a pass over the image; no
// encoder writes more than a dozen or so. The same bound as in libjpeg-turbo's fuzzers.
constexpr int kMaxScans = 500;
constexpr int kMaxMarkerBytes = 0xFFFF;
constexpr JDIMENSION kRowsAtATime = 16;

// libjpeg reports errors by calling back; the callbacks may not return, nor throw through C frames.
struct ErrorManager {
  jpeg_error_mgr base;  // first: libjpeg sees only this
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  Clock::time_point deadline;
  bool tooSlow;
};

[[noreturn]] void onError(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->escape, 1);
}

// Warnings are counted; the first one's text is kept. Trace messages (level >= 0) are dropped.
void onMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  if (info->err->num_warnings++ == 0) {
    info->err->format_message(info, reinterpret_cast<ErrorManager*>(info->err)->message);
  }
}

// Called for every row of blocks, of every scan.
void onProgress(j_common_ptr info) {
  auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number > kMaxScans) ERREXIT(info, JERR_BAD_PROGRESSION);
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  if (Clock::now() < manager->deadline) return;
  manager->tooSlow = true;
  std::longjmp(manager->escape, 1);
}

// OpenCV's icvCvt_CMYK2BGR: the inks are taken as Adobe stores them, inverted.
void cmykRowToRgb(const JSAMPLE* cmyk, std::uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += kChannels) {
    const int key = cmyk[3];
    for (int i = 0; i < kChannels; ++i) {
      rgb[i] = static_cast<std::uint8_t>(key - (((255 - cmyk[i]) * key) >> 8));
    }
  }
}

bool isUnsupported(int code) {
  switch (code) {
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
      return true;
    default:
      return false;
  }
}

// What libjpeg says when it is out of memory, or would be beyond what it may use.
bool isOutOfMemory(int code) {
  return code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE;
}

// One decompression. Every method that calls libjpeg sets its own jump target, and keeps only
// trivially destructible locals, so that a jump skips no destructor.
class Decompressor {
 public:
  explicit Decompressor(Clock::time_point deadline) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = onError;
    errors_.base.emit_message = onMessage;
    errors_.message[0] = '\0';
    errors_.deadline = deadline;
    progress_.progress_monitor = onProgress;
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { jpeg_destroy_decompress(&info_); }

  bool readHeader(std::span<const std::uint8_t> bytes) {
    if (setjmp(errors_.escape) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_save_markers(&info_, JPEG_APP0 + 1, kMaxMarkerBytes);
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  // See dct_filter.hpp. Tables are copied for use only when decompression starts.
  void filter(int side) {
    const jpeg_sparse::Shrinkage shrinkage{static_cast<double>(width()) / side,
                                           static_cast<double>(height()) / side};
    std::array<bool, NUM_QUANT_TBLS> done{};
    for (int i = 0; i < info_.num_components; ++i) {
      const jpeg_component_info& component = info_.comp_info[i];
      const int table = component.quant_tbl_no;
      if (table < 0 || table >= NUM_QUANT_TBLS || done[table]) continue;
      done[table] = true;
      if (info_.quant_tbl_ptrs[table] == nullptr) continue;
      for (int k = 0; k < DCTSIZE2; ++k) {
        UINT16& step = info_.quant_tbl_ptrs[table]->quantval[k];
        step = jpeg_sparse::filteredStep(
            step, k % DCTSIZE, k / DCTSIZE, shrinkage,
            static_cast<double>(info_.max_h_samp_factor) / component.h_samp_factor,
            static_cast<double>(info_.max_v_samp_factor) / component.v_samp_factor);
      }
    }
  }

  // Into `pixels`, of width * height * 3 bytes. libjpeg keeps its coefficients and rows within
  // `maxMemory` bytes, or fails: it has no disk to put them on.
  bool readPixels(std::uint8_t* pixels, std::uint64_t maxMemory) {
    if (setjmp(errors_.escape) != 0) return false;
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<long>::max());
    // 0 would mean no limit.
    info_.mem->max_memory_to_use =
        static_cast<long>(std::clamp<std::uint64_t>(maxMemory, 1, kMost));
    const bool cmyk = info_.num_components == 4;
    info_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    info_.out_color_components = cmyk ? 4 : kChannels;
    jpeg_start_decompress(&info_);
    const std::size_t stride = static_cast<std::size_t>(info_.output_width) * kChannels;
    JSAMPARRAY inks = nullptr;
    if (cmyk) {
      inks = info_.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&info_), JPOOL_IMAGE,
                                     info_.output_width * 4, 1);
    }
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* out = pixels + stride * info_.output_scanline;
      if (cmyk) {
        if (jpeg_read_scanlines(&info_, inks, 1) != 1) return false;
        cmykRowToRgb(inks[0], out, static_cast<int>(info_.output_width));
        continue;
      }
      // As many rows as libjpeg makes at a time: those of one block row.
      JSAMPROW rows[kRowsAtATime];
      const JDIMENSION count = std::min(kRowsAtATime, info_.output_height - info_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) rows[i] = out + stride * i;
      if (jpeg_read_scanlines(&info_, rows, count) == 0) return false;
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  [[nodiscard]] std::uint32_t width() const { return info_.image_width; }
  [[nodiscard]] std::uint32_t height() const { return info_.image_height; }
  [[nodiscard]] bool warned() const { return errors_.base.num_warnings > 0; }
  [[nodiscard]] std::string message() const { return errors_.message; }
  // Why there are no pixels; `other` if it is none of the special reasons.
  [[nodiscard]] Status failure(Status other) const {
    if (errors_.tooSlow) return Status::TooSlow;
    if (isOutOfMemory(errors_.base.msg_code)) return Status::TooLarge;
    return isUnsupported(errors_.base.msg_code) ? Status::Unsupported : other;
  }

  // Of the first marker that names one, as OpenCV 5 does; OpenCV 4 looks at the first APP1 alone.
  [[nodiscard]] int orientation() const {
    for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      if (marker->marker != JPEG_APP0 + 1) continue;
      if (const auto found = exifOrientation({marker->data, marker->data_length})) return *found;
    }
    return 1;
  }

 private:
  jpeg_decompress_struct info_{};
  ErrorManager errors_{};
  jpeg_progress_mgr progress_{};
};

}  // namespace

#define LUNGCLS_TEXT_OF(value) #value
#define LUNGCLS_TEXT(value) LUNGCLS_TEXT_OF(value)
const char* libjpegTurboVersion() {
  return LUNGCLS_TEXT(LIBJPEG_TURBO_VERSION);
}

bool looksLikeJpeg(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0xFF && bytes[1] == 0xD8 &&
         (bytes.size() == 2 || bytes[2] == 0xFF);
}

namespace {

Outcome tooManyPixels(const Decompressor& image, std::uint64_t pixels, std::uint64_t limit) {
  return {Status::TooLarge, "The image has " + std::to_string(image.width()) + " x " +
                                std::to_string(image.height()) + " = " + std::to_string(pixels) +
                                " pixels, more than the limit of " + std::to_string(limit) +
                                " (--max-pixels)"};
}

Outcome failed(const Decompressor& image, Status other, const ImageLimits& limits) {
  const Status status = image.failure(other);
  switch (status) {
    case Status::TooSlow:
      return {status, "Decoding took longer than the limit of " +
                          std::to_string(limits.maxTime.count()) + " ms (maxSeconds)"};
    case Status::TooLarge:
      return {status, "Decoding needs more memory than the limit of " +
                          std::to_string(limits.maxMemory) + " bytes (maxMemory)"};
    default:
      return {status, image.message()};
  }
}

}  // namespace

Outcome decodeJpeg(std::span<const std::uint8_t> bytes, const ImageLimits& limits, Image& image,
                   Image& spare, std::optional<int> filterFor) {
  Decompressor decompressor(Clock::now() + limits.maxTime);
  if (!decompressor.readHeader(bytes)) return failed(decompressor, Status::Header, limits);
  const std::uint64_t pixels =
      static_cast<std::uint64_t>(decompressor.width()) * decompressor.height();
  if (pixels > limits.maxPixels) return tooManyPixels(decompressor, pixels, limits.maxPixels);
  if (filterFor) decompressor.filter(*filterFor);
  image.width = static_cast<int>(decompressor.width());
  image.height = static_cast<int>(decompressor.height());
  const int orientation = decompressor.orientation();
  // Turning an image takes a second one.
  const std::uint64_t own = std::uint64_t{image.bytes()} * (orientation == 1 ? 1 : 2);
  if (own > limits.maxMemory) {
    return {Status::TooLarge, "Decoding needs " + std::to_string(own) +
                                  " bytes, more than the limit of " +
                                  std::to_string(limits.maxMemory) + " (maxMemory)"};
  }
  if (!decompressor.readPixels(image.pixels.reserve(image.bytes()), limits.maxMemory - own)) {
    return failed(decompressor, Status::Corrupt, limits);
  }
  applyOrientation(orientation, image, spare);
  if (decompressor.warned()) return {Status::Damaged, decompressor.message()};
  return {};
}

}  // namespace lungcls
