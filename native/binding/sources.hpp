// Image sources as they come from TypeScript: one array of file names, one of numbers.
#pragma once

#include <napi.h>

#include <cstdint>
#include <vector>

#include "../core/tile.hpp"

namespace lungcls::binding {

// What the numbers of one source speak of.
enum class SourceKind : std::uint8_t {
  File,      // a file of its own; the other numbers are not looked at
  ZipEntry,  // offset of the local header, compressed size, size, method, crc32
  Range,     // offset, 0, size: bytes of the file as they stand there
  Memory,    // in place of a file's name stand its bytes
};

// Numbers a source: a SourceKind, and five that depend on it.
constexpr std::size_t kSourceNumbers = 6;

// `files`: (string | Uint8Array)[]; `numbers`: Float64Array of kSourceNumbers a file. Bytes are
// copied.
std::vector<ImageSource> imageSources(const Napi::Value& files, const Napi::Value& numbers);

}  // namespace lungcls::binding
