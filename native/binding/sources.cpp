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
  if (!whole) refuse(env, "Expected whole numbers that describe a source");
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

std::vector<std::uint8_t> ownBytes(const Napi::Value& value) {
  const auto bytes = typedArray<Napi::Uint8Array>(value, napi_uint8_array, "files");
  return {bytes.Data(), bytes.Data() + bytes.ByteLength()};
}

ImageSource imageSource(const Napi::Value& file, const double* numbers) {
  const Napi::Env env = file.Env();
  const auto kind = entryNumber(env, numbers[0], static_cast<double>(SourceKind::Memory));
  ImageSource source;
  switch (static_cast<SourceKind>(kind)) {
    case SourceKind::Memory:
      source.bytes = ownBytes(file);
      return source;
    case SourceKind::ZipEntry:
      source.entry = zipEntry(env, numbers + 1);
      break;
    case SourceKind::Range:
      source.range = ByteRange{entryNumber(env, numbers[1], kMaxSafeInteger),
                               entryNumber(env, numbers[3], kMaxSafeInteger)};
      break;
    case SourceKind::File:
      break;
  }
  source.file = fileName(file);
  return source;
}

}  // namespace

std::vector<ImageSource> imageSources(const Napi::Value& files, const Napi::Value& numbers) {
  const Napi::Env env = files.Env();
  if (!files.IsArray()) refuse(env, "Expected an array of names or bytes for files");
  const auto names = files.As<Napi::Array>();
  const auto described =
      typedArray<Napi::Float64Array>(numbers, napi_float64_array, "numbers (Float64Array)");
  const std::uint32_t count = names.Length();
  if (described.ElementLength() != count * kSourceNumbers) {
    refuse(env, "Expected six numbers a file in numbers");
  }
  std::vector<ImageSource> sources(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    sources[i] = imageSource(names.Get(i), described.Data() + i * kSourceNumbers);
  }
  return sources;
}

}  // namespace lungcls::binding
