#include "core/zip_entry.hpp"

#include <zlib.h>

#include <cstring>
#include <vector>

#include "check.hpp"
#include "samples.hpp"

using lungcls::File;
using lungcls::readZipEntry;
using lungcls::ScratchBuffer;
using lungcls::Status;
using lungcls::ZipEntry;
using lungcls::test::noise;
using lungcls::test::TemporaryFile;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kLimit = 1 << 20;

Bytes deflated(const Bytes& plain) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, plain.size()) + 16);
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Archive {
  Bytes bytes;
  ZipEntry entry;
};

// Some bytes, a local header with a name and an extra field, the data, some more bytes.
Archive archiveOf(const Bytes& plain, int method) {
  const Bytes data = method == 8 ? deflated(plain) : plain;
  Archive archive;
  archive.bytes = noise(100, 9);
  archive.entry = {
      archive.bytes.size(), data.size(), plain.size(),
      static_cast<std::uint32_t>(crc32(0, plain.data(), static_cast<uInt>(plain.size()))),
      static_cast<std::uint16_t>(method)};
  Bytes header(30, 0);
  const std::uint32_t signature = 0x04034b50;
  std::memcpy(header.data(), &signature, 4);
  header[8] = static_cast<std::uint8_t>(method);
  header[26] = 5;
  header[28] = 7;
  archive.bytes.insert(archive.bytes.end(), header.begin(), header.end());
  archive.bytes.insert(archive.bytes.end(), 12, 'x');
  archive.bytes.insert(archive.bytes.end(), data.begin(), data.end());
  archive.bytes.insert(archive.bytes.end(), 50, 'y');
  return archive;
}

Status read(const Bytes& bytes, const ZipEntry& entry, Bytes& out, std::uint64_t limit = kLimit) {
  const TemporaryFile stored(bytes);
  File file;
  if (const auto outcome = file.open(stored.path()); !outcome.ok()) return outcome.status;
  ScratchBuffer packed;
  ScratchBuffer unpacked;
  const auto outcome = readZipEntry(file, entry, limit, packed, unpacked);
  if (outcome.ok()) out.assign(unpacked.data(), unpacked.data() + entry.uncompressedSize);
  return outcome.status;
}

}  // namespace

TEST("zip: stored and deflated entries come out whole") {
  for (const int method : {0, 8}) {
    for (const std::size_t size : {0, 1, 1000, 100000}) {
      const Bytes plain = noise(size, 4);
      const Archive archive = archiveOf(plain, method);
      Bytes got;
      CHECK(read(archive.bytes, archive.entry, got) == Status::Ok);
      CHECK(got == plain);
    }
  }
}

TEST("zip: an archive cut anywhere is damaged, never read beyond its end") {
  for (const int method : {0, 8}) {
    const Archive archive = archiveOf(noise(300, 4), method);
    for (std::size_t cut = 0; cut < archive.bytes.size() - 50; cut += 7) {
      Bytes got;
      const Bytes bytes(archive.bytes.begin(), archive.bytes.begin() + static_cast<long>(cut));
      CHECK(read(bytes, archive.entry, got) == Status::ZipDamaged);
    }
  }
}

TEST("zip: a directory that lies is found out") {
  for (const int method : {0, 8}) {
    const Archive archive = archiveOf(noise(3000, 4), method);
    const auto statusOf = [&archive](auto change) {
      ZipEntry entry = archive.entry;
      change(entry);
      Bytes got;
      return read(archive.bytes, entry, got);
    };
    CHECK(statusOf([](ZipEntry& e) { e.crc32 ^= 1; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.headerOffset += 1; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.headerOffset = UINT64_MAX; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.compressedSize += 60; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.uncompressedSize += 1; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.uncompressedSize -= 1; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.method ^= 8; }) == Status::ZipDamaged);
    CHECK(statusOf([](ZipEntry& e) { e.method = 12; }) == Status::ZipUnsupported);
    CHECK(statusOf([](ZipEntry& e) { e.uncompressedSize = UINT64_MAX; }) == Status::TooLarge);
    CHECK(statusOf([](ZipEntry& e) { e.compressedSize = UINT64_MAX; }) == Status::TooLarge);
  }
}

TEST("zip: encrypted entries and bombs are refused") {
  Archive archive = archiveOf(noise(300, 4), 8);
  Bytes got;
  archive.bytes[100 + 6] = 1;
  CHECK(read(archive.bytes, archive.entry, got) == Status::ZipEncrypted);
  const Bytes zeros(kLimit, 0);
  Archive bomb = archiveOf(zeros, 8);
  CHECK(read(bomb.bytes, bomb.entry, got) == Status::Ok);
  CHECK(read(bomb.bytes, bomb.entry, got, kLimit - 1) == Status::TooLarge);
  bomb.entry.uncompressedSize = 1000;
  CHECK(read(bomb.bytes, bomb.entry, got) == Status::ZipDamaged);
}
