// Image sources as they come from TypeScript: one array of file names, one of numbers.
#pragma once

#include <napi.h>

#include <vector>

#include "../core/tile.hpp"

namespace lungcls::binding {

// Numbers that describe one zip entry: headerOffset, compressedSize, uncompressedSize, method,
// crc32. A negative headerOffset stands for a file of its own.
constexpr std::size_t kEntryNumbers = 5;

// `files`: (string | Uint8Array)[]; `entries`: Float64Array of kEntryNumbers a file.
std::vector<ImageSource> imageSources(const Napi::Value& files, const Napi::Value& entries);

}  // namespace lungcls::binding
