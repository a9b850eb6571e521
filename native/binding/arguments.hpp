// Plain values out of JavaScript. TypeScript has validated them; what is wrong here is refused all
// the same, with a TypeError.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace lungcls::binding {

[[noreturn]] inline void refuse(Napi::Env env, const std::string& what) {
  throw Napi::TypeError::New(env, what);
}

// A whole number from `least` to `most` (at most 2^53).
inline std::uint64_t wholeNumber(const Napi::Value& value, const char* name, std::uint64_t least,
                                 std::uint64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  const bool whole = std::floor(number) == number && number >= static_cast<double>(least) &&
                     number <= static_cast<double>(most);
  if (!whole) {
    refuse(value.Env(), std::string("Expected a whole number from ") + std::to_string(least) +
                            " to " + std::to_string(most) + " for " + name);
  }
  return static_cast<std::uint64_t>(number);
}

inline std::string text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) refuse(value.Env(), std::string("Expected a string for ") + name);
  std::string result = value.As<Napi::String>().Utf8Value();
  if (result.find('\0') != std::string::npos) {
    refuse(value.Env(), std::string("Expected no zero byte in ") + name);
  }
  return result;
}

// A typed array of the given element type.
template <typename Array>
Array typedArray(const Napi::Value& value, napi_typedarray_type type, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    refuse(value.Env(), std::string("Expected another type of typed array for ") + name);
  }
  return value.As<Array>();
}

}  // namespace lungcls::binding
