#include "reader.hpp"

#include <exception>
#include <memory>
#include <utility>

#include "../core/thread_pool.hpp"
#include "../core/tile.hpp"
#include "arguments.hpp"
#include "environment.hpp"
#include "sources.hpp"

namespace lungcls::binding {
namespace {

struct Reading {
  ImageSource source;
  ImageLimits limits;
  Workspace workspace;
  std::size_t length = 0;
  Outcome outcome;

  void run() noexcept {
    try {
      outcome = readSource(source, limits, workspace, length);
    } catch (const std::bad_alloc&) {
      outcome = {Status::TooLarge, "There is not enough memory for this file"};
    } catch (const std::exception& error) {
      outcome = {Status::Internal, error.what()};
    }
  }
};

Napi::Value toJs(Napi::Env env, const Reading& reading) {
  auto result = Napi::Object::New(env);
  result.Set("status", Napi::Number::New(env, static_cast<int>(reading.outcome.status)));
  result.Set("message", Napi::String::New(env, reading.outcome.message));
  const std::size_t length = reading.outcome.ok() ? reading.length : 0;
  result.Set("bytes",
             Napi::Buffer<std::uint8_t>::Copy(env, reading.workspace.encoded.data(), length));
  return result;
}

}  // namespace

Napi::Value readSourceToJs(const Napi::CallbackInfo& info) {
  auto names = Napi::Array::New(info.Env(), 1);
  names.Set(0U, info[0]);
  auto reading = std::make_shared<Reading>();
  reading->source = std::move(imageSources(names, info[1]).front());
  reading->limits.maxFileBytes = wholeNumber(info[2], "maxFileBytes", 1, 1ULL << 31);
  return Environment::of(info.Env())
      .begin(
          info.Env(), {},
          [&reading](Environment::Done done) {
            ThreadPool::shared().post([reading, done = std::move(done)] {
              reading->run();
              done();
            });
          },
          [reading](Napi::Env env) { return toJs(env, *reading); });
}

}  // namespace lungcls::binding
