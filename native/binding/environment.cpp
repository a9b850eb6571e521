#include "environment.hpp"

#include <exception>
#include <utility>

namespace lungcls::binding {

void Mailbox::post(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  --underWay_;
  if (wake_ == nullptr) {
    drained_.notify_all();
    return;
  }
  // The queue has no bound and the function is only released with mutex_ held, so this cannot fail.
  // The id travels in the pointer: nothing to free if the environment never gets to it.
  napi_call_threadsafe_function(wake_, reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)),
                                napi_tsfn_nonblocking);
}

Environment::Environment(Napi::Env env) : env_(env) {
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "lungcls"), 0,
                                      1, nullptr, nullptr, this, onWake, &mailbox_->wake_);
  if (status != napi_ok) throw Napi::Error::New(env);
  // Idle, the addon does not keep the process running.
  napi_unref_threadsafe_function(env, mailbox_->wake_);
  // Hooks run in reverse order, hence before Node closes the thread-safe function.
  napi_add_env_cleanup_hook(env, onClose, this);
}

Napi::Promise Environment::begin(Napi::Env env, const std::vector<Napi::Object>& kept,
                                 const Start& start, Settle settle) {
  const std::uint64_t id = nextId_++;
  std::vector<Napi::ObjectReference> references;
  references.reserve(kept.size());
  for (const auto& object : kept) references.push_back(Napi::Persistent(object));
  const auto deferred = Napi::Promise::Deferred::New(env);
  const auto promise = deferred.Promise();
  if (operations_.empty()) napi_ref_threadsafe_function(env, mailbox_->wake_);
  operations_.emplace(id, Operation{deferred, std::move(references), std::move(settle)});
  {
    const std::lock_guard lock(mailbox_->mutex_);
    ++mailbox_->underWay_;
  }
  try {
    start([mailbox = mailbox_, id] { mailbox->post(id); });
  } catch (...) {
    {
      const std::lock_guard lock(mailbox_->mutex_);
      --mailbox_->underWay_;
    }
    operations_.erase(id);
    if (operations_.empty()) napi_unref_threadsafe_function(env, mailbox_->wake_);
    throw;
  }
  return promise;
}

std::uint64_t Environment::onClosing(std::function<void()> cancel) {
  const std::uint64_t handle = nextId_++;
  cancels_.emplace(handle, std::move(cancel));
  return handle;
}

void Environment::onWake(napi_env env, napi_value /*callback*/, void* context, void* data) {
  if (env == nullptr) return;  // going away: promises are no longer settled
  try {
    const Napi::HandleScope scope(env);
    const auto id = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(data));
    static_cast<Environment*>(context)->settle(env, id);
  } catch (const Napi::Error&) {
    // A worker thread that is being terminated no longer runs JavaScript; nobody is left to tell.
  }
}

void Environment::settle(Napi::Env env, std::uint64_t id) {
  auto node = operations_.extract(id);
  if (node.empty()) return;
  if (operations_.empty()) napi_unref_threadsafe_function(env, mailbox_->wake_);
  Operation& operation = node.mapped();
  try {
    operation.deferred.Resolve(operation.settle(env));
  } catch (const Napi::Error& error) {
    operation.deferred.Reject(error.Value());
  } catch (const std::exception& error) {
    operation.deferred.Reject(Napi::Error::New(env, error.what()).Value());
  }
}

void Environment::onClose(void* environment) {
  static_cast<Environment*>(environment)->close();
}

// Waits for what is under way: tasks write to memory that goes away with the environment.
void Environment::close() {
  for (const auto& [handle, cancel] : cancels_) cancel();
  cancels_.clear();
  {
    std::unique_lock lock(mailbox_->mutex_);
    napi_release_threadsafe_function(mailbox_->wake_, napi_tsfn_abort);
    mailbox_->wake_ = nullptr;
    mailbox_->drained_.wait(lock, [this] { return mailbox_->underWay_ == 0; });
  }
  operations_.clear();
}

Napi::Value beginAlone(const Napi::CallbackInfo& info, const std::shared_ptr<bool>& busy,
                       const Environment::Start& start) {
  std::vector<Napi::Object> kept = {info.This().As<Napi::Object>()};
  for (std::size_t i = 0; i < info.Length(); ++i) {
    if (info[i].IsTypedArray()) kept.push_back(info[i].As<Napi::Object>());
  }
  *busy = true;
  try {
    return Environment::of(info.Env()).begin(info.Env(), kept, start, [busy](Napi::Env env) {
      *busy = false;
      return env.Undefined();
    });
  } catch (...) {
    *busy = false;
    throw;
  }
}

}  // namespace lungcls::binding
