// One entry of a zip archive, read straight out of it. Where the entry stands comes from the
// archive's directory, which the caller has read.
#pragma once

#include <cstdint>

#include "file.hpp"
#include "host_buffer.hpp"
#include "status.hpp"

namespace lungcls {

struct ZipEntry {
  std::uint64_t headerOffset = 0;  // of the local header
  std::uint64_t compressedSize = 0;
  std::uint64_t uncompressedSize = 0;
  std::uint32_t crc32 = 0;
  std::uint16_t method = 0;  // 0 stored, 8 deflated
};

// Reads and unpacks `entry` into `out` (entry.uncompressedSize bytes), with `packed` as working
// memory, and checks its CRC. ZipDamaged, ZipEncrypted, ZipUnsupported, TooLarge (more than
// maxBytes) or Unreadable. Throws std::bad_alloc.
Outcome readZipEntry(const File& archive, const ZipEntry& entry, std::uint64_t maxBytes,
                     ScratchBuffer& packed, ScratchBuffer& out);

}  // namespace lungcls
