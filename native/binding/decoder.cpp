#include "decoder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "arguments.hpp"
#include "environment.hpp"
#include "sources.hpp"

namespace lungcls::binding {
namespace {

constexpr std::uint64_t kMaxSide = 1U << 14;
constexpr std::uint64_t kMaxBatch = 1U << 16;
constexpr std::uint64_t kMaxSlots = 64;
constexpr std::uint64_t kMaxThreads = 1024;
constexpr std::uint64_t kMaxPixels = 1ULL << 30;
constexpr std::uint64_t kMaxMemory = 1ULL << 40;
constexpr std::uint64_t kMaxMilliseconds = 24ULL * 3600 * 1000;
// Below 2^32, which zlib's and libjpeg's counters take.
constexpr std::uint64_t kMaxFileBytes = 1ULL << 31;

ResizeMode resizeMode(const Napi::Value& value) {
  const std::string name = text(value, "resize");
  if (name == "cv2") return ResizeMode::Cv2;
  if (name == "area") return ResizeMode::Area;
  if (name == "fast") return ResizeMode::Fast;
  refuse(value.Env(), "Expected cv2, area or fast for resize");
}

Napi::Value outcomesToJs(Napi::Env env, const std::vector<Outcome>& outcomes) {
  auto statuses = Napi::Uint8Array::New(env, outcomes.size());
  auto messages = Napi::Array::New(env, outcomes.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    statuses[i] = static_cast<std::uint8_t>(outcomes[i].status);
    messages.Set(static_cast<std::uint32_t>(i), Napi::String::New(env, outcomes[i].message));
  }
  auto result = Napi::Object::New(env);
  result.Set("statuses", statuses);
  result.Set("messages", messages);
  return result;
}

}  // namespace

Napi::Value memoryToJs(Napi::Env env, const MemoryFacts& memory) {
  constexpr std::array kNames{"pinned", "huge-pages", "plain"};
  auto result = Napi::Object::New(env);
  result.Set("kind", kNames[static_cast<std::size_t>(memory.kind)]);
  result.Set("reason", memory.reason);
  return result;
}

Napi::Value probeMemory(const Napi::CallbackInfo& info) {
  // As large as a small batch's buffer, so that huge pages are worth it.
  constexpr std::size_t kProbeBytes = 4U << 20;
  const auto buffer = HostBuffer::allocate(kProbeBytes, pinningBy(text(info[0], "cudaDriver")));
  return memoryToJs(info.Env(), buffer->memory());
}

Napi::Function Decoder::define(Napi::Env env) {
  return DefineClass(
      env, "TileDecoder",
      {InstanceMethod<&Decoder::decode>("decode"), InstanceMethod<&Decoder::place>("place"),
       InstanceMethod<&Decoder::view>("view"), InstanceMethod<&Decoder::detach>("detach"),
       InstanceMethod<&Decoder::cancel>("cancel"), InstanceMethod<&Decoder::close>("close"),
       InstanceAccessor<&Decoder::memory>("memory")});
}

Decoder::Decoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Decoder>(info) {
  if (!info[0].IsObject()) refuse(info.Env(), "Expected an object of options");
  const auto given = info[0].As<Napi::Object>();
  const auto number = [&given](const char* name, std::uint64_t most) {
    return wholeNumber(given.Get(name), name, 1, most);
  };
  TileOptions options;
  options.size = static_cast<int>(number("size", kMaxSide));
  options.resize = resizeMode(given.Get("resize"));
  options.limits.maxPixels = number("maxPixels", kMaxPixels);
  options.limits.maxFileBytes = number("maxFileBytes", kMaxFileBytes);
  options.limits.maxMemory = number("maxMemory", kMaxMemory);
  options.limits.maxTime = std::chrono::milliseconds(number("maxMilliseconds", kMaxMilliseconds));
  options.keepDamaged = given.Get("keepDamaged").ToBoolean();
  options.sparse = given.Get("sparse").ToBoolean();
  batchSize_ = number("batchSize", kMaxBatch);
  const std::uint64_t slots = number("slots", kMaxSlots);
  const std::uint64_t threads = number("threads", kMaxThreads);
  const PinningService pinning = pinningBy(text(given.Get("cudaDriver"), "cudaDriver"));
  for (std::uint64_t i = 0; i < slots; ++i) {
    slots_.push_back(HostBuffer::allocate(tileBytes(options.size) * batchSize_, pinning));
  }
  // The driver may have refused some of them: the worst says what the ring is.
  memory_ =
      std::ranges::max(slots_, {}, [](const auto& slot) { return slot->memory().kind; })->memory();
  countedSlots_.resize(slots_.size());
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) count(slot);
  decoder_ = std::make_shared<BatchDecoder>(ThreadPool::shared(), options, threads);
  const std::weak_ptr<BatchDecoder> weak = decoder_;
  closingHandle_ = Environment::of(info.Env()).onClosing([weak] {
    if (const auto decoder = weak.lock()) decoder->cancel();
  });
}

void Decoder::Finalize(Napi::Env env) {
  if (auto* environment = env.GetInstanceData<Environment>()) environment->forget(closingHandle_);
}

std::size_t Decoder::slotArgument(const Napi::Value& value) const {
  if (slots_.empty()) throw Napi::Error::New(value.Env(), "The decoder has been closed");
  return wholeNumber(value, "slot", 0, slots_.size() - 1);
}

Napi::Value Decoder::decode(const Napi::CallbackInfo& info) {
  const std::size_t slot = slotArgument(info[0]);
  auto batch = std::make_shared<Batch>();
  batch->sources = imageSources(info[1], info[2]);
  batch->tiles = slots_[slot];
  if (batch->sources.size() > batchSize_) refuse(info.Env(), "Expected at most a batch of files");
  return Environment::of(info.Env())
      .begin(
          info.Env(), {info.This().As<Napi::Object>()},
          [this, batch](Environment::Done done) {
            batch->done = [done = std::move(done)](Batch&) { done(); };
            decoder_->submit(batch);
          },
          [batch](Napi::Env env) { return outcomesToJs(env, batch->outcomes); });
}

Napi::Value Decoder::place(const Napi::CallbackInfo& info) {
  const std::size_t slot = slotArgument(info[0]);
  const std::size_t row = wholeNumber(info[1], "row", 0, batchSize_ - 1);
  const auto pixels =
      typedArray<Napi::Uint8Array>(info[2], napi_uint8_array, "pixels (Uint8Array)");
  const std::uint64_t width = wholeNumber(info[3], "width", 1, kMaxPixels);
  const std::uint64_t height = wholeNumber(info[4], "height", 1, kMaxPixels);
  if (width > kMaxPixels / height || pixels.ByteLength() != width * height * kChannels) {
    refuse(info.Env(), "Expected width * height RGB pixels");
  }
  const auto work = [buffer = slots_[slot], row, from = pixels.Data(), width, height,
                     options = decoder_->options()] {
    ResizePlan plan;
    tileFromPixels(from, static_cast<int>(width), static_cast<int>(height), options, plan,
                   buffer->data() + row * tileBytes(options.size));
  };
  return Environment::of(info.Env())
      .begin(
          info.Env(), {info.This().As<Napi::Object>(), pixels},
          [&work](Environment::Done done) {
            ThreadPool::shared().post([work, done = std::move(done)] {
              work();
              done();
            });
          },
          [](Napi::Env env) { return env.Undefined(); });
}

Napi::Value Decoder::view(const Napi::CallbackInfo& info) {
  const std::size_t slot = slotArgument(info[0]);
  const std::size_t count = wholeNumber(info[1], "count", 1, batchSize_);
  uncount(slot);
  // The view shares the memory, and keeps it.
  auto* lease = new std::shared_ptr<HostBuffer>(slots_[slot]);
  return Napi::ArrayBuffer::New(
      info.Env(), (*lease)->data(), count * tileBytes(decoder_->options().size),
      [](Napi::Env, void*, std::shared_ptr<HostBuffer>* held) { delete held; }, lease);
}

void Decoder::detach(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) refuse(info.Env(), "Expected an ArrayBuffer");
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  if (buffer.IsDetached()) return;
  const void* memory = buffer.Data();
  buffer.Detach();
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]->data() == memory) count(slot);
  }
}

// V8 counts the memory of array buffers, shows it as process.memoryUsage().external, and collects
// garbage earlier for it. (What napi_adjust_external_memory adds is not shown.) So a slot that is
// not lent has an array buffer over it that nobody gets to see, in place of the view over one that
// is.
void Decoder::count(std::size_t slot) {
  HostBuffer& buffer = *slots_[slot];
  countedSlots_[slot] = Napi::Persistent(
      Napi::ArrayBuffer::New(Env(), buffer.data(), buffer.size(), [](Napi::Env, void*) {}));
}

void Decoder::uncount(std::size_t slot) {
  if (countedSlots_[slot].IsEmpty()) return;
  countedSlots_[slot].Value().Detach();
  countedSlots_[slot].Reset();
}

Napi::Value Decoder::memory(const Napi::CallbackInfo& info) {
  return memoryToJs(info.Env(), memory_);
}

void Decoder::cancel(const Napi::CallbackInfo& /*info*/) {
  decoder_->cancel();
}

void Decoder::close(const Napi::CallbackInfo& /*info*/) {
  decoder_->cancel();
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) uncount(slot);
  slots_.clear();
}

}  // namespace lungcls::binding
