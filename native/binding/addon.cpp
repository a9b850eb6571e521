// What JavaScript sees of the addon. Its types stand in src/native/addon.ts.
#include <dlfcn.h>
#include <napi.h>

#include "../core/half.hpp"
#include "../core/host_buffer.hpp"
#include "../core/jpeg.hpp"
#include "../core/jpeg_sparse/kernels.hpp"
#include "../core/thread_pool.hpp"
#include "arguments.hpp"
#include "collection.hpp"
#include "decoder.hpp"
#include "dense.hpp"
#include "environment.hpp"
#include "gpu_copies.hpp"
#include "peak.hpp"
#include "reader.hpp"
#include "rows.hpp"

namespace lungcls::binding {
namespace {

// Shared with src/native/binding.ts; raised with every change of what is exported.
constexpr int kInterfaceVersion = 11;

// Node unloads an addon when the last environment that loaded it ends, while the pool's threads
// still run its code: keep it.
void stayLoaded() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&stayLoaded), &info) != 0 && info.dli_fname != nullptr) {
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NODELETE | RTLD_NOLOAD);
  }
}

Napi::Value setThreads(const Napi::CallbackInfo& info) {
  ThreadPool::shared().resize(wholeNumber(info[0], "threads", 1, 1024));
  return info.Env().Undefined();
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(ThreadPool::shared().size()));
}

Napi::Value takeThreadPeak(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(ThreadPool::shared().takePeak()));
}

Napi::Value vectorCodes(const Napi::CallbackInfo& info) {
  const auto supported = jpeg_sparse::supportedKernels();
  auto names = Napi::Array::New(info.Env(), supported.size());
  for (std::uint32_t i = 0; i < supported.size(); ++i) names.Set(i, supported[i]->name);
  return names;
}

Napi::Value vectorCode(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), jpeg_sparse::chosenKernels().name);
}

Napi::Value setVectorCode(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !jpeg_sparse::chooseKernels(info[0].As<Napi::String>().Utf8Value())) {
    refuse(info.Env(), "Expected one of vectorCodes()");
  }
  return info.Env().Undefined();
}

Napi::Value heldBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(nativeBytes()));
}

void refuseOtherLength(Napi::Env env, std::size_t from, std::size_t to) {
  if (from != to) refuse(env, "Expected as many halves as floats");
}

Napi::Value floatsToHalves(const Napi::CallbackInfo& info) {
  const auto from =
      typedArray<Napi::Float32Array>(info[0], napi_float32_array, "from (Float32Array)");
  auto to = typedArray<Napi::Uint16Array>(info[1], napi_uint16_array, "to (Uint16Array)");
  refuseOtherLength(info.Env(), from.ElementLength(), to.ElementLength());
  floatToHalf(from.Data(), to.Data(), from.ElementLength());
  return info.Env().Undefined();
}

Napi::Value halvesToFloats(const Napi::CallbackInfo& info) {
  const auto from = typedArray<Napi::Uint16Array>(info[0], napi_uint16_array, "from (Uint16Array)");
  auto to = typedArray<Napi::Float32Array>(info[1], napi_float32_array, "to (Float32Array)");
  refuseOtherLength(info.Env(), from.ElementLength(), to.ElementLength());
  halfToFloat(from.Data(), to.Data(), from.ElementLength());
  return info.Env().Undefined();
}

Napi::Value freeBuffer(const Napi::CallbackInfo& info) {
  // The buffer's memory is its owner's alone, so it is gone with it, not at V8's next collection.
  if (!info[0].IsArrayBuffer()) refuse(info.Env(), "Expected an ArrayBuffer");
  info[0].As<Napi::ArrayBuffer>().Detach();
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  stayLoaded();
  env.SetInstanceData<Environment>(new Environment(env));
  exports.Set("interfaceVersion", Napi::Number::New(env, kInterfaceVersion));
  exports.Set("TileDecoder", Decoder::define(env));
  exports.Set("DenseLayer", Dense::define(env));
  exports.Set("denseSupport", Napi::Function::New<denseSupport>(env, "denseSupport"));
  exports.Set("TileCollection", Collection::define(env));
  exports.Set("MappedRows", Rows::define(env));
  exports.Set("readSource", Napi::Function::New<readSourceToJs>(env, "readSource"));
  exports.Set("setThreads", Napi::Function::New<setThreads>(env, "setThreads"));
  exports.Set("threads", Napi::Function::New<threads>(env, "threads"));
  exports.Set("takeThreadPeak", Napi::Function::New<takeThreadPeak>(env, "takeThreadPeak"));
  exports.Set("measurePeak", Napi::Function::New<measurePeak>(env, "measurePeak"));
  exports.Set("measureGpuCopies", Napi::Function::New<measureGpuCopies>(env, "measureGpuCopies"));
  exports.Set("probeMemory", Napi::Function::New<probeMemory>(env, "probeMemory"));
  exports.Set("vectorCodes", Napi::Function::New<vectorCodes>(env, "vectorCodes"));
  exports.Set("vectorCode", Napi::Function::New<vectorCode>(env, "vectorCode"));
  exports.Set("setVectorCode", Napi::Function::New<setVectorCode>(env, "setVectorCode"));
  exports.Set("nativeBytes", Napi::Function::New<heldBytes>(env, "nativeBytes"));
  exports.Set("floatToHalf", Napi::Function::New<floatsToHalves>(env, "floatToHalf"));
  exports.Set("halfToFloat", Napi::Function::New<halvesToFloats>(env, "halfToFloat"));
  exports.Set("freeBuffer", Napi::Function::New<freeBuffer>(env, "freeBuffer"));
  exports.Set("libjpegTurboVersion", Napi::String::New(env, libjpegTurboVersion()));
  return exports;
}

NODE_API_MODULE(lungcls, init)

}  // namespace
}  // namespace lungcls::binding
