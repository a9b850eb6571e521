// MappedRows for JavaScript: rows of a mapped file, gathered on the thread pool.
#pragma once

#include <napi.h>

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
  // The mapping ends once what is under way has ended.
  void close(const Napi::CallbackInfo& info);

  Napi::Value gather(const Napi::CallbackInfo& info, bool halves);

  std::shared_ptr<MappedRows> mapped_;
};

}  // namespace lungcls::binding
