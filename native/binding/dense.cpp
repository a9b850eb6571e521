#include "dense.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "environment.hpp"

namespace lungcls::binding {
namespace {

// Products of two and of three stay far below 2^63.
constexpr std::uint64_t kMaxFeatures = 1U << 28;
constexpr std::uint64_t kMaxUnits = 1U << 16;
constexpr std::uint64_t kMaxRows = 1U << 16;
constexpr std::uint64_t kMaxThreads = 1024;

// A Float32Array of exactly `length` numbers.
Napi::Float32Array floats(const Napi::Value& value, const char* name, std::size_t length) {
  auto array = typedArray<Napi::Float32Array>(value, napi_float32_array, name);
  if (array.ElementLength() != length) {
    refuse(value.Env(), "Expected " + std::to_string(length) + " numbers in " + name +
                            " but received " + std::to_string(array.ElementLength()));
  }
  return array;
}

}  // namespace

Napi::Value denseSupport(const Napi::CallbackInfo& info) {
  const auto& found = dense::libxsmmGemm();
  auto result = Napi::Object::New(info.Env());
  result.Set("available", Napi::Boolean::New(info.Env(), found.gemm != nullptr));
  result.Set("description", Napi::String::New(info.Env(), found.description));
  return result;
}

Napi::Function Dense::define(Napi::Env env) {
  return DefineClass(
      env, "DenseLayer",
      {InstanceMethod<&Dense::forward>("forward"), InstanceMethod<&Dense::update>("update"),
       InstanceMethod<&Dense::read>("read"), InstanceMethod<&Dense::write>("write"),
       InstanceMethod<&Dense::close>("close")});
}

Dense::Dense(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Dense>(info) {
  dense::DenseShape shape;
  shape.features = wholeNumber(info[0], "features", 1, kMaxFeatures);
  shape.units = wholeNumber(info[1], "units", 1, kMaxUnits);
  shape.blocks = wholeNumber(info[2], "blocks", 1, shape.features);
  if (shape.features % shape.blocks != 0) {
    refuse(info.Env(), "Expected a divisor of features for blocks");
  }
  const std::size_t threads = wholeNumber(info[3], "threads", 1, kMaxThreads);
  const auto& found = dense::libxsmmGemm();
  if (found.gemm == nullptr) throw Napi::Error::New(info.Env(), found.description);
  layer_ = dense::DenseLayer::make(shape, *found.gemm, ThreadPool::shared(), threads);
}

dense::DenseLayer& Dense::idle(Napi::Env env) const {
  if (layer_ == nullptr) throw Napi::Error::New(env, "The layer has been closed");
  if (*busy_) throw Napi::Error::New(env, "The layer is at work: wait for its promise first");
  return *layer_;
}

dense::DenseBatch Dense::batch(const Napi::CallbackInfo& info, std::size_t first,
                               std::uint64_t leastRows) const {
  const std::size_t rows = wholeNumber(info[first + 1], "rows", leastRows, kMaxRows);
  const auto values =
      floats(info[first], "values (Float32Array)", rows * idle(info.Env()).shape().features);
  return {values.Data(), rows};
}

Napi::Value Dense::forward(const Napi::CallbackInfo& info) {
  auto& layer = idle(info.Env());
  dense::Product product = {batch(info, 0, 1)};
  auto output = floats(info[2], "output (Float32Array)", product.batch.rows * layer.shape().units);
  product.output = output.Data();
  return beginAlone(info, busy_,
                    [&](Environment::Done done) { layer.forward(product, std::move(done)); });
}

Napi::Value Dense::update(const Napi::CallbackInfo& info) {
  auto& layer = idle(info.Env());
  const auto given = batch(info, 0, 1);
  const auto gradient =
      floats(info[2], "gradient (Float32Array)", given.rows * layer.shape().units);
  const auto numbers = floats(info[3], "step (Float32Array)", 4);
  const dense::AdamStep step = {numbers[0], numbers[1], numbers[2], numbers[3]};
  dense::Product next = {batch(info, 4, 0)};
  auto output =
      floats(info[6], "next output (Float32Array)", next.batch.rows * layer.shape().units);
  next.output = output.Data();
  return beginAlone(info, busy_, [&](Environment::Done done) {
    layer.update(given, gradient.Data(), step, next, std::move(done));
  });
}

std::span<float> Dense::array(const Napi::CallbackInfo& info) const {
  const auto& layer = idle(info.Env());
  return layer.array(static_cast<dense::DenseLayer::Array>(wholeNumber(info[0], "array", 0, 2)));
}

void Dense::read(const Napi::CallbackInfo& info) {
  const auto from = array(info);
  auto to = floats(info[1], "to (Float32Array)", from.size());
  std::copy(from.begin(), from.end(), to.Data());
}

void Dense::write(const Napi::CallbackInfo& info) {
  const auto to = array(info);
  const auto from = floats(info[1], "from (Float32Array)", to.size());
  std::copy_n(from.Data(), to.size(), to.begin());
}

void Dense::close(const Napi::CallbackInfo& /*info*/) {
  layer_.reset();
}

}  // namespace lungcls::binding
