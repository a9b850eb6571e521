// What became of one image. The binding turns these into the error codes of src/errors.ts.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace lungcls {

// Order and number are shared with src/native/status.ts.
enum class Status : std::uint8_t {
  Ok = 0,
  Damaged = 1,  // decoded with a warning: pixels are there, but not trustworthy
  NotJpeg = 2,  // some other format, for the caller to decode
  NotFound = 3,
  Unreadable = 4,
  Empty = 5,
  Format = 6,  // not an image of a supported format
  Header = 7,
  Unsupported = 8,
  TooLarge = 9,
  Corrupt = 10,  // could not be decoded to the end
  ZipDamaged = 11,
  ZipEncrypted = 12,
  ZipUnsupported = 13,
  Cancelled = 14,
  Internal = 15,
  TooSlow = 16,  // stopped at the time limit
};

struct Outcome {
  Status status = Status::Ok;
  std::string message;

  Outcome() = default;
  Outcome(Status s, std::string text) : status(s), message(std::move(text)) {}

  [[nodiscard]] bool ok() const { return status == Status::Ok; }
  // Whether pixels were produced.
  [[nodiscard]] bool hasPixels() const { return status == Status::Ok || status == Status::Damaged; }
};

}  // namespace lungcls
