// Any bytes as an archive, with the place of an entry that is as arbitrary: the first 24 bytes.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/zip_entry.hpp"

namespace {

constexpr std::size_t kPlaceBytes = 24;
constexpr std::uint64_t kMaxBytes = 1 << 20;

template <typename Number>
Number take(const std::uint8_t*& data) {
  Number value{};
  std::memcpy(&value, data, sizeof value);
  data += sizeof value;
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kPlaceBytes) return 0;
  lungcls::ZipEntry entry;
  const std::uint8_t* place = data;
  entry.headerOffset = take<std::uint64_t>(place);
  entry.compressedSize = take<std::uint32_t>(place);
  entry.uncompressedSize = take<std::uint32_t>(place);
  entry.crc32 = take<std::uint32_t>(place);
  entry.method = static_cast<std::uint16_t>(take<std::uint32_t>(place));

  static const int memory = memfd_create("lungcls", 0);
  if (ftruncate(memory, 0) != 0) std::abort();
  if (pwrite(memory, data + kPlaceBytes, size - kPlaceBytes, 0) < 0) std::abort();
  lungcls::File archive;
  if (!archive.open("/proc/self/fd/" + std::to_string(memory)).ok()) std::abort();
  static lungcls::ScratchBuffer packed;
  static lungcls::ScratchBuffer unpacked;
  const auto outcome = lungcls::readZipEntry(archive, entry, kMaxBytes, packed, unpacked);
  if (!outcome.ok() && outcome.message.empty()) std::abort();
  return 0;
}
