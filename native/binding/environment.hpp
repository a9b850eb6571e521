// What the addon keeps for each JavaScript environment (the main thread, every worker thread): the
// promises under way, and the way back to that environment's thread.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lungcls::binding {

// How work on other threads says that it is finished. Thread-safe. Outlives its environment.
class Mailbox {
 public:
  // Called by whatever has finished operation `id`, from any thread, once.
  void post(std::uint64_t id);

 private:
  friend class Environment;

  std::mutex mutex_;
  std::condition_variable drained_;
  napi_threadsafe_function wake_ = nullptr;  // null once the environment is going away
  std::size_t underWay_ = 0;                 // operations that have not posted yet
};

// One per environment; lives and dies on its thread.
class Environment {
 public:
  // Called on the environment's thread, in a handle scope, to turn a finished operation into a
  // value. A JavaScript error thrown from it rejects the promise.
  using Settle = std::function<Napi::Value(Napi::Env)>;
  // Tells the environment that the operation is over; to be called exactly once, from any thread.
  using Done = std::function<void()>;
  // Begins the operation. May throw a Napi::Error or a std::exception, but not after calling Done.
  using Start = std::function<void(Done)>;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  explicit Environment(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() = default;

  // A promise settled once `start`'s operation is done. `kept` (typed arrays that are written to,
  // the object whose method this is) stays alive until then. The event loop is kept running
  // meanwhile.
  Napi::Promise begin(Napi::Env env, const std::vector<Napi::Object>& kept, const Start& start,
                      Settle settle);

  // Called when the environment goes away, so that operations end soon. Returns a handle for
  // forgetting it again.
  std::uint64_t onClosing(std::function<void()> cancel);
  void forget(std::uint64_t handle) { cancels_.erase(handle); }

 private:
  struct Operation {
    Napi::Promise::Deferred deferred;
    std::vector<Napi::ObjectReference> kept;
    Settle settle;
  };

  static void onWake(napi_env env, napi_value callback, void* context, void* data);
  static void onClose(void* environment);
  void settle(Napi::Env env, std::uint64_t id);
  void close();

  napi_env env_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::unordered_map<std::uint64_t, Operation> operations_;
  std::unordered_map<std::uint64_t, std::function<void()>> cancels_;
  std::uint64_t nextId_ = 1;
};

// Begins an operation of an object that does one thing at a time: `busy` is set until it is over.
// Its typed arrays and the object whose method was called stay alive until then. Settles with
// undefined.
Napi::Value beginAlone(const Napi::CallbackInfo& info, const std::shared_ptr<bool>& busy,
                       const Environment::Start& start);

}  // namespace lungcls::binding
