#include "gpu_copies.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "../core/cuda_host.hpp"
#include "../core/thread_pool.hpp"
#include "arguments.hpp"
#include "environment.hpp"

namespace lungcls::binding {
namespace {

// A batch of 1024 tiles of 256 x 256: large enough that the calls themselves take no time.
constexpr std::size_t kCopyBytes = std::size_t{192} << 20;
constexpr std::uint64_t kMaxMilliseconds = 60'000;
constexpr double kMillisecondsPerSecond = 1000;

struct Measurement {
  CopyRates rates;
  std::string error;  // empty when all went well
};

void measure(const std::string& driver, double seconds, Measurement& to) {
  try {
    // Not the one that decoders share: it is given back at once.
    const auto cuda = CudaHost::open(driver, to.error);
    if (cuda != nullptr && cuda->measureCopies(kCopyBytes, seconds, to.rates, to.error)) {
      to.error.clear();
    }
  } catch (const std::exception& error) {
    to.error = error.what();
  }
}

}  // namespace

Napi::Value measureGpuCopies(const Napi::CallbackInfo& info) {
  const std::string driver = text(info[0], "cudaDriver");
  const auto milliseconds = wholeNumber(info[1], "milliseconds", 1, kMaxMilliseconds);
  const double seconds = static_cast<double>(milliseconds) / kMillisecondsPerSecond;
  const auto measurement = std::make_shared<Measurement>();
  return Environment::of(info.Env())
      .begin(
          info.Env(), {},
          [&](Environment::Done done) {
            ThreadPool::shared().post([measurement, driver, seconds, done = std::move(done)] {
              measure(driver, seconds, *measurement);
              done();
            });
          },
          [measurement](Napi::Env env) -> Napi::Value {
            if (!measurement->error.empty()) throw Napi::Error::New(env, measurement->error);
            auto result = Napi::Object::New(env);
            result.Set("pinnedGBs", Napi::Number::New(env, measurement->rates.pinnedGBs));
            result.Set("pageableGBs", Napi::Number::New(env, measurement->rates.pageableGBs));
            return result;
          });
}

}  // namespace lungcls::binding
