// MappedRows for JavaScript: rows of a mapped file, gathered on the thread pool.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "../core/mapped_rows.hpp"

namespace lungcls::binding {

class Rows : public Napi::ObjectWrap<Rows> {
 public:
  static Napi::Function define(Napi::Env env);

  // (path, offset, rowBytes, rows); throws an Error whose `status` is a Status.
  explicit Rows(const Napi::CallbackInfo& info);

 private:
  // (rows: Uint32Array | Int32Array, out: Uint8Array) -> Promise<void>
  Napi::Value gatherBytes(const Napi::CallbackInfo& info);
  // (rows: Uint32Array | Int32Array, out: Float32Array) -> Promise<void>
  Napi::Value gatherHalfToFloat(const Napi::CallbackInfo& info);
  // (rows: Uint32Array | Int32Array, channels, out: Float32Array) -> Promise<void>
  Napi::Value averageHalf(const Napi::CallbackInfo& info);
  // The mapping ends once what is under way has ended.
  void close(const Napi::CallbackInfo& info);

  using Copy = std::function<void(std::uint32_t row, std::size_t at)>;
  // Calls `copy`, which writes `rowElements` elements to `out`, for each of `rows`.
  Napi::Value gather(Napi::Env env, const Napi::Value& rows, Napi::TypedArray out,
                     std::size_t rowElements, Copy copy);
  [[nodiscard]] const MappedRows& opened(Napi::Env env) const;

  std::shared_ptr<MappedRows> mapped_;
};

}  // namespace lungcls::binding
