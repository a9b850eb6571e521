#include "zip_entry.hpp"

#include <zlib.h>

#include <array>
#include <span>
#include <string>

namespace lungcls {
namespace {

// Local file header, APPNOTE.TXT 4.3.7; all numbers little-endian.
constexpr std::size_t kHeaderBytes = 30;
constexpr std::uint32_t kHeaderSignature = 0x04034b50;
constexpr std::uint16_t kEncryptedFlag = 0x0001;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
// Deflate cannot pack tighter than 1032 to 1 (zlib's technical notes): a larger claim is a lie.
constexpr std::uint64_t kMaxDeflateRatio = 1032;

using Header = std::array<std::uint8_t, kHeaderBytes>;

std::uint16_t u16(const Header& header, std::size_t at) {
  return static_cast<std::uint16_t>(header[at] | (header[at + 1] << 8));
}

std::uint32_t u32(const Header& header, std::size_t at) {
  return u16(header, at) | (static_cast<std::uint32_t>(u16(header, at + 2)) << 16);
}

Outcome damaged(const std::string& what) {
  return {Status::ZipDamaged, what};
}

// Where the packed bytes begin.
Outcome findData(const File& archive, const ZipEntry& entry, std::uint64_t& offset) {
  if (archive.size() < kHeaderBytes || entry.headerOffset > archive.size() - kHeaderBytes) {
    return damaged("The entry's header lies beyond the end of the archive");
  }
  Header header{};
  if (auto outcome = archive.read(entry.headerOffset, header); !outcome.ok()) return outcome;
  if (u32(header, 0) != kHeaderSignature) return damaged("There is no entry where one should be");
  if ((u16(header, 6) & kEncryptedFlag) != 0) {
    return {Status::ZipEncrypted, "The entry is encrypted"};
  }
  if (u16(header, 8) != entry.method) {
    return damaged("The entry and the archive's directory name different compression methods");
  }
  offset = entry.headerOffset + kHeaderBytes + u16(header, 26) + u16(header, 28);
  if (offset > archive.size() || entry.compressedSize > archive.size() - offset) {
    return damaged("The entry's data runs beyond the end of the archive");
  }
  return {};
}

// Raw deflate data, exactly filling `out`.
bool inflateAll(std::span<std::uint8_t> packed, std::span<std::uint8_t> out) {
  z_stream stream{};
  // Negative: no zlib header around the data.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  stream.next_in = packed.data();
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return result == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
}

}  // namespace

Outcome readZipEntry(const File& archive, const ZipEntry& entry, std::uint64_t maxBytes,
                     ScratchBuffer& packed, ScratchBuffer& out) {
  if (entry.method != kStored && entry.method != kDeflated) {
    return {Status::ZipUnsupported, "The entry uses compression method " +
                                        std::to_string(entry.method) +
                                        "; expected stored (0) or deflated (8)"};
  }
  if (entry.uncompressedSize > maxBytes || entry.compressedSize > maxBytes) {
    return {Status::TooLarge, "The entry has " + std::to_string(entry.uncompressedSize) +
                                  " bytes, more than the limit of " + std::to_string(maxBytes)};
  }
  std::uint64_t offset = 0;
  if (auto outcome = findData(archive, entry, offset); !outcome.ok()) return outcome;

  if (entry.method == kStored) {
    if (entry.compressedSize != entry.uncompressedSize) {
      return damaged("The entry is stored, yet its packed and unpacked sizes differ");
    }
    const std::span<std::uint8_t> whole(out.reserve(entry.uncompressedSize),
                                        entry.uncompressedSize);
    if (auto outcome = archive.read(offset, whole); !outcome.ok()) return outcome;
  } else {
    if (entry.uncompressedSize / kMaxDeflateRatio > entry.compressedSize) {
      return damaged("The entry claims to unpack to more than deflate can");
    }
    const std::span<std::uint8_t> input(packed.reserve(entry.compressedSize), entry.compressedSize);
    if (auto outcome = archive.read(offset, input); !outcome.ok()) return outcome;
    const std::span<std::uint8_t> whole(out.reserve(entry.uncompressedSize),
                                        entry.uncompressedSize);
    if (!inflateAll(input, whole)) return damaged("The entry's compressed data is damaged");
  }
  const uLong sum = crc32(0, out.data(), static_cast<uInt>(entry.uncompressedSize));
  if (sum != entry.crc32) return damaged("The entry's checksum is wrong");
  return {};
}

}  // namespace lungcls
