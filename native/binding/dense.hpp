// DenseLayer for JavaScript: a dense layer with its Adam moments, computed on the thread pool.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/dense/dense_layer.hpp"
#include "environment.hpp"

namespace lungcls::binding {

// () -> {available: boolean, description: string}: what multiplies, or why nothing does.
Napi::Value denseSupport(const Napi::CallbackInfo& info);

class Dense : public Napi::ObjectWrap<Dense> {
 public:
  static Napi::Function define(Napi::Env env);

  // (features, units, blocks, threads); all zeros. Throws where denseSupport() says it is not
  // available.
  explicit Dense(const Napi::CallbackInfo& info);

 private:
  // (values: Float32Array, rows, output: Float32Array) -> Promise<void>
  Napi::Value forward(const Napi::CallbackInfo& info);
  // (values: Float32Array, rows, gradient: Float32Array, step: Float32Array of 4,
  //  next values: Float32Array, next rows (0: none), next output: Float32Array) -> Promise<void>
  Napi::Value update(const Napi::CallbackInfo& info);
  // (array: 0 value, 1 momentum, 2 velocity; to: Float32Array)
  void read(const Napi::CallbackInfo& info);
  // (array, from: Float32Array)
  void write(const Napi::CallbackInfo& info);
  // The memory is given back once what is under way has ended.
  void close(const Napi::CallbackInfo& info);

  // `start`, with this object and all typed arrays among the arguments kept.
  // The layer with nothing under way; throws otherwise.
  dense::DenseLayer& idle(Napi::Env env) const;
  // The arguments `first` and the one after it: values and rows.
  dense::DenseBatch batch(const Napi::CallbackInfo& info, std::size_t first,
                          std::uint64_t leastRows) const;
  std::span<float> array(const Napi::CallbackInfo& info) const;

  std::shared_ptr<dense::DenseLayer> layer_;
  std::shared_ptr<bool> busy_ = std::make_shared<bool>(false);
};

}  // namespace lungcls::binding
