#include "frame_header.hpp"

#include <algorithm>
#include <array>

#include "dct_filter.hpp"
#include "inverse_dct.hpp"

namespace lungcls::jpeg_sparse {
namespace {

// Marker codes (T.81, table B.1).
enum Marker : std::uint8_t {
  kSof0 = 0xC0,  // baseline
  kSof1 = 0xC1,  // extended sequential: the same with 16-bit quantisation steps
  kDht = 0xC4,
  kSof15 = 0xCF,
  kDac = 0xCC,
  kSoi = 0xD8,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp0 = 0xE0,
  kApp1 = 0xE1,
  kApp14 = 0xEE,
  kApp15 = 0xEF,
  kCom = 0xFE,
};

constexpr int kMaxDimension = 65500;  // libjpeg's JPEG_MAX_DIMENSION

using Bytes = std::span<const std::uint8_t>;

int read16(Bytes bytes, std::size_t at) {
  return bytes[at] << 8 | bytes[at + 1];
}

bool startsWith(Bytes bytes, const char* text, std::size_t length) {
  return bytes.size() >= length && std::equal(text, text + length, bytes.begin());
}

bool readQuantTables(Bytes data, FrameHeader& header) {
  while (!data.empty()) {
    const int wide = data[0] >> 4;
    const int index = data[0] & 15;
    const std::size_t bytes = 1 + kBlockSize * (wide != 0 ? 2 : 1);
    if (wide > 1 || index > 3 || data.size() < bytes) return false;
    QuantSpec& quant = header.quants[index];
    for (int i = 0; i < kBlockSize; ++i) {
      const int step = wide != 0 ? read16(data, 1 + 2 * i) : data[1 + i];
      quant.steps[i] = static_cast<std::uint16_t>(step);
    }
    quant.defined = true;
    data = data.subspan(bytes);
  }
  return true;
}

bool readHuffmanTables(Bytes data, FrameHeader& header) {
  while (!data.empty()) {
    if (data.size() < 17) return false;
    const int tableClass = data[0] >> 4;
    const int index = data[0] & 15;
    if (tableClass > 1 || index > 3) return false;
    HuffmanSpec& spec = (tableClass == 0 ? header.dcTables : header.acTables)[index];
    spec = {};
    std::copy_n(data.begin() + 1, 16, spec.counts.begin());
    for (const int count : spec.counts) spec.symbolCount += count;
    if (spec.symbolCount > 256 || data.size() < 17U + spec.symbolCount) return false;
    std::copy_n(data.begin() + 17, spec.symbolCount, spec.symbols.begin());
    data = data.subspan(17U + spec.symbolCount);
  }
  return true;
}

SparseResult readFrame(Bytes data, FrameHeader& header) {
  if (data.size() < 6 || data.size() != 6U + 3U * data[5]) return SparseResult::Damaged;
  header.height = read16(data, 1);
  header.width = read16(data, 3);
  header.componentCount = data[5];
  const bool taken = data[0] == 8 && header.height > 0 && header.height <= kMaxDimension &&
                     header.width > 0 && header.width <= kMaxDimension &&
                     (header.componentCount == 1 || header.componentCount == 3);
  if (!taken) return SparseResult::NotTaken;
  for (int i = 0; i < header.componentCount; ++i) {
    const Bytes at = data.subspan(6 + 3 * i, 3);
    ComponentSpec& component = header.components[i];
    component = {.id = at[0], .h = at[1] >> 4, .v = at[1] & 15, .quant = at[2]};
    if (component.h < 1 || component.h > 4 || component.v < 1 || component.v > 4) {
      return SparseResult::Damaged;
    }
    if (component.quant > 3) return SparseResult::Damaged;
    for (int other = 0; other < i; ++other) {
      if (header.components[other].id == component.id) return SparseResult::NotTaken;
    }
  }
  if (header.componentCount == 1) {
    // The blocks of a lone component stand row by row whatever its factors (T.81 A.2.2).
    header.components[0].h = header.components[0].v = 1;
    return SparseResult::Ok;
  }
  const ComponentSpec* c = header.components.data();
  const auto factors = c[0].h << 4 | c[0].v;
  const bool usual =
      c[1].h == 1 && c[1].v == 1 && c[2].h == 1 && c[2].v == 1 &&
      (factors == 0x11 || factors == 0x21 || factors == 0x12 || factors == 0x22 || factors == 0x41);
  return usual ? SparseResult::Ok : SparseResult::NotTaken;
}

SparseResult readScan(Bytes data, FrameHeader& header) {
  const int count = header.componentCount;
  if (data.empty() || data.size() != 4U + 2U * data[0]) return SparseResult::Damaged;
  if (data[0] != count) return SparseResult::NotTaken;  // one scan a component, perhaps
  for (int i = 0; i < count; ++i) {
    ComponentSpec& component = header.components[i];
    if (data[1 + 2 * i] != component.id) return SparseResult::NotTaken;
    component.dc = data[2 + 2 * i] >> 4;
    component.ac = data[2 + 2 * i] & 15;
    if (component.dc > 3 || component.ac > 3) return SparseResult::Damaged;
    // Missing Huffman tables mean Motion JPEG's default ones, to libjpeg-turbo.
    if (header.dcTables[component.dc].symbolCount == 0 ||
        header.acTables[component.ac].symbolCount == 0) {
      return SparseResult::NotTaken;
    }
    if (!header.quants[component.quant].defined) return SparseResult::Damaged;
  }
  const std::size_t rest = 1 + 2 * static_cast<std::size_t>(count);
  const bool whole = data[rest] == 0 && data[rest + 1] == 63 && data[rest + 2] == 0;
  return whole ? SparseResult::Ok : SparseResult::Damaged;
}

// Whether an APP1 payload may turn the image. The orientation tag (EXIF 2.3, 4.6.4: tag 0x0112,
// type SHORT, count 1) is searched for in both byte orders without following the directories: any
// occurrence that does not say 1 leaves the file to the full EXIF reader.
bool mayTurn(Bytes payload) {
  static constexpr std::uint8_t kLittle[] = {0x12, 0x01, 3, 0, 1, 0, 0, 0, 1, 0};
  static constexpr std::uint8_t kBig[] = {0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 1};
  for (std::size_t i = 0; i + 1 < payload.size(); ++i) {
    for (const auto& upright : {Bytes(kLittle), Bytes(kBig)}) {
      if (payload[i] != upright[0] || payload[i + 1] != upright[1]) continue;
      if (payload.size() - i < upright.size() ||
          !std::equal(upright.begin(), upright.end(), payload.subspan(i).begin())) {
        return true;
      }
    }
  }
  return false;
}

// The colour space as libjpeg guesses it (jdapimin.c, default_decompress_parms): JFIF first, then
// Adobe's marker, then the component ids.
class ColourGuess {
 public:
  // False where libjpeg would warn.
  bool readJfif(Bytes data) {
    if (data.size() < 14 || !startsWith(data, "JFIF\0", 5)) return true;
    jfif_ = true;
    return data[5] == 1;  // major version
  }
  void readAdobe(Bytes data) {
    if (data.size() < 12 || !startsWith(data, "Adobe", 5)) return;
    adobe_ = true;
    transform_ = data[11];
  }
  [[nodiscard]] bool isYcc(const FrameHeader& header) const {
    if (header.componentCount == 1 || jfif_) return true;
    if (adobe_) return transform_ == 1;
    const auto& c = header.components;
    return c[0].id != 'R' || c[1].id != 'G' || c[2].id != 'B';
  }

 private:
  bool jfif_ = false;
  bool adobe_ = false;
  int transform_ = 0;
};

struct Segment {
  std::uint8_t marker = 0;
  Bytes data;
};

// The segment at `at`, which is moved beyond it. False if it is cut short or libjpeg would warn.
bool nextSegment(Bytes jpeg, std::size_t& at, Segment& segment) {
  for (;; ++at) {
    // Fill bytes (0xFF) may stand before a marker; anything else there draws a warning.
    if (jpeg.size() - at < 4 || jpeg[at] != 0xFF) return false;
    if (jpeg[at + 1] != 0xFF) break;
  }
  const std::uint8_t marker = jpeg[at + 1];
  const bool known = (marker >= kSof0 && marker <= kSof15) || (marker >= kSos && marker <= kDri) ||
                     (marker >= kApp0 && marker <= kApp15) || marker == kCom;
  if (!known) return false;
  const auto length = static_cast<std::size_t>(read16(jpeg, at + 2));
  if (length < 2 || jpeg.size() - at - 2 < length) return false;
  segment = {.marker = marker, .data = jpeg.subspan(at + 4, length - 2)};
  at += 2 + length;
  return true;
}

// What has been read of the segments before the scan.
class SegmentReader {
 public:
  explicit SegmentReader(FrameHeader& header) : header_(&header) {}

  // Any but SOS.
  SparseResult read(const Segment& segment) {
    const Bytes data = segment.data;
    switch (segment.marker) {
      case kSof0:
      case kSof1:
        if (haveFrame_) return SparseResult::Damaged;
        haveFrame_ = true;
        return readFrame(data, *header_);
      case kDht:
        return okIf(readHuffmanTables(data, *header_));
      case kDqt:
        return okIf(readQuantTables(data, *header_));
      case kDri:
        if (data.size() != 2) return SparseResult::Damaged;
        header_->restartInterval = read16(data, 0);
        return SparseResult::Ok;
      case kApp0:
        return okIf(colour_.readJfif(data));
      case kApp1:
        return mayTurn(data) ? SparseResult::NotTaken : SparseResult::Ok;
      case kApp14:
        colour_.readAdobe(data);
        return SparseResult::Ok;
      default:
        // Progressive, lossless, arithmetic; DNL. What comes after them is application data,
        // comments.
        return segment.marker < kApp0 ? SparseResult::NotTaken : SparseResult::Ok;
    }
  }

  SparseResult readSos(Bytes data) {
    if (!haveFrame_) return SparseResult::Damaged;
    if (!colour_.isYcc(*header_)) return SparseResult::NotTaken;
    return readScan(data, *header_);
  }

 private:
  static SparseResult okIf(bool read) { return read ? SparseResult::Ok : SparseResult::Damaged; }

  FrameHeader* header_;
  ColourGuess colour_;
  bool haveFrame_ = false;
};

}  // namespace

void filterTables(FrameHeader& header, int outWidth, int outHeight) {
  const Shrinkage shrinkage{static_cast<double>(header.width) / outWidth,
                            static_cast<double>(header.height) / outHeight};
  const ComponentSpec& first = header.components[0];
  std::array<bool, 4> done{};
  for (int i = 0; i < header.componentCount; ++i) {
    const ComponentSpec& component = header.components[i];
    if (done[component.quant]) continue;
    done[component.quant] = true;
    auto& steps = header.quants[component.quant].steps;
    for (int k = 0; k < kBlockSize; ++k) {
      steps[k] = filteredStep(steps[k], kZigzag[k] % 8, kZigzag[k] / 8, shrinkage,
                              static_cast<double>(first.h) / component.h,
                              static_cast<double>(first.v) / component.v);
    }
  }
}

SparseResult readFrameHeader(Bytes jpeg, FrameHeader& header) {
  header = {};
  if (jpeg.size() < 4 || jpeg[0] != 0xFF || jpeg[1] != kSoi) return SparseResult::Damaged;
  SegmentReader reader(header);
  std::size_t at = 2;
  for (;;) {
    Segment segment;
    if (!nextSegment(jpeg, at, segment)) return SparseResult::Damaged;
    if (segment.marker == kSos) {
      header.scanBegin = at;
      return reader.readSos(segment.data);
    }
    if (const auto result = reader.read(segment); result != SparseResult::Ok) return result;
  }
}

}  // namespace lungcls::jpeg_sparse
