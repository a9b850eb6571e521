#include "peak.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "../core/machine_peak.hpp"
#include "../core/thread_pool.hpp"
#include "arguments.hpp"
#include "environment.hpp"

namespace lungcls::binding {
namespace {

constexpr std::uint64_t kMaxThreads = 1024;
constexpr std::uint64_t kMaxMilliseconds = 60'000;
constexpr double kMillisecondsPerSecond = 1000;

struct Measurement {
  MachinePeak peak;
  std::string error;  // empty when all went well
};

Napi::Value toJs(Napi::Env env, const MachinePeak& peak) {
  auto result = Napi::Object::New(env);
  result.Set("readGBs", Napi::Number::New(env, peak.readGBs));
  result.Set("copyGBs", Napi::Number::New(env, peak.copyGBs));
  result.Set("fp32Gflops", Napi::Number::New(env, peak.fp32Gflops));
  result.Set("fp32Code", Napi::String::New(env, peak.fp32Code));
  const bool has = !peak.int8Code.empty();
  result.Set("int8Gops", has ? Napi::Number::New(env, peak.int8Gops) : env.Null());
  result.Set("int8Code", has ? Napi::String::New(env, peak.int8Code) : env.Null());
  return result;
}

}  // namespace

Napi::Value measurePeak(const Napi::CallbackInfo& info) {
  const std::size_t threads = wholeNumber(info[0], "threads", 1, kMaxThreads);
  const auto milliseconds = wholeNumber(info[1], "milliseconds", 1, kMaxMilliseconds);
  const double seconds = static_cast<double>(milliseconds) / kMillisecondsPerSecond;
  const auto measurement = std::make_shared<Measurement>();
  return Environment::of(info.Env())
      .begin(
          info.Env(), {},
          [&](Environment::Done done) {
            // A thread of the pool waits meanwhile for those that measure.
            ThreadPool::shared().post([measurement, threads, seconds, done = std::move(done)] {
              try {
                measurement->peak = measureMachinePeak(threads, seconds);
              } catch (const std::exception& error) {
                measurement->error = error.what();
              }
              done();
            });
          },
          [measurement](Napi::Env env) {
            if (!measurement->error.empty()) throw Napi::Error::New(env, measurement->error);
            return toJs(env, measurement->peak);
          });
}

}  // namespace lungcls::binding
