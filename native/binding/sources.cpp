#include "sources.hpp"

#include <cmath>
#include <limits>

#include "arguments.hpp"

namespace lungcls::binding {
namespace {

// The largest integer that a JavaScript number holds exactly.
constexpr double kMaxSafeInteger = 9007199254740991.0;

std::uint64_t entryNumber(Napi::Env env, double value, double most) {
  const bool whole = value >= 0 && value <= most && std::floor(value) == value;
  if (!whole) refuse(env, "Expected whole numbers that describe a zip entry");
  return static_cast<std::uint64_t>(value);
}

ZipEntry zipEntry(Napi::Env env, const double* numbers) {
  constexpr double kMax16 = std::numeric_limits<std::uint16_t>::max();
  constexpr double kMax32 = std::numeric_limits<std::uint32_t>::max();
  ZipEntry entry;
  entry.headerOffset = entryNumber(env, numbers[0], kMaxSafeInteger);
  entry.compressedSize = entryNumber(env, numbers[1], kMaxSafeInteger);
  entry.uncompressedSize = entryNumber(env, numbers[2], kMaxSafeInteger);
  entry.method = static_cast<std::uint16_t>(entryNumber(env, numbers[3], kMax16));
  entry.crc32 = static_cast<std::uint32_t>(entryNumber(env, numbers[4], kMax32));
  return entry;
}

// A string or, for a name that is not UTF-8, its bytes.
std::string fileName(const Napi::Value& value) {
  if (!value.IsTypedArray()) return text(value, "files");
  const auto bytes = typedArray<Napi::Uint8Array>(value, napi_uint8_array, "files");
  std::string name(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  if (name.find('\0') != std::string::npos) refuse(value.Env(), "Expected no zero byte in files");
  return name;
}

}  // namespace

std::vector<ImageSource> imageSources(const Napi::Value& files, const Napi::Value& entries) {
  const Napi::Env env = files.Env();
  if (!files.IsArray()) refuse(env, "Expected an array of strings for files");
  const auto names = files.As<Napi::Array>();
  const auto numbers =
      typedArray<Napi::Float64Array>(entries, napi_float64_array, "entries (Float64Array)");
  const std::uint32_t count = names.Length();
  if (numbers.ElementLength() != count * kEntryNumbers) {
    refuse(env, "Expected five numbers a file in entries");
  }
  std::vector<ImageSource> sources(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    sources[i].file = fileName(names.Get(i));
    const double* entry = numbers.Data() + i * kEntryNumbers;
    if (!(entry[0] < 0)) sources[i].entry = zipEntry(env, entry);
  }
  return sources;
}

}  // namespace lungcls::binding
