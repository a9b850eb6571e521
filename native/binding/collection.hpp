// TileCollection for JavaScript: tiles described, related and registered on the thread pool.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/registration/tile_collection.hpp"
#include "environment.hpp"

namespace lungcls::binding {

class Collection : public Napi::ObjectWrap<Collection> {
 public:
  static Napi::Function define(Napi::Env env);

  // (tiles, size, threads)
  explicit Collection(const Napi::CallbackInfo& info);

 private:
  // (first, count, rgb: Uint8Array) -> Promise<void>; in order, without a gap
  Napi::Value describe(const Napi::CallbackInfo& info);
  // () -> Promise<void>; once all tiles are described
  Napi::Value index(const Napi::CallbackInfo& info);
  // (first, count, k, found: Uint32Array of count * k) -> Promise<void>
  Napi::Value neighbours(const Napi::CallbackInfo& info);
  // (pairs: Uint32Array, two numbers a pair; results: Float32Array, seven a pair: inliers, matches,
  //  mirrored, factor re and im, shift re and im) -> Promise<void>
  Napi::Value registerPairs(const Napi::CallbackInfo& info);
  // The memory is given back once what is under way has ended.
  void close(const Napi::CallbackInfo& info);

  // The collection with nothing under way; throws otherwise.
  registration::TileCollection& idle(Napi::Env env) const;
  void requireDescribed(Napi::Env env) const;
  // `start`, with this object and all typed arrays among the arguments kept.

  std::shared_ptr<registration::TileCollection> collection_;
  std::shared_ptr<bool> busy_ = std::make_shared<bool>(false);
  std::size_t described_ = 0;
  bool indexed_ = false;
};

}  // namespace lungcls::binding
