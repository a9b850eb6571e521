#include "collection.hpp"

#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"

namespace lungcls::binding {
namespace {

using registration::Registration;
using registration::TileCollection;

// Their products stay far below 2^63.
constexpr std::uint64_t kMostTiles = 1U << 28;
constexpr std::uint64_t kMostSize = 1U << 14;
constexpr std::uint64_t kMostNeighbours = 1U << 10;
constexpr std::uint64_t kMostThreads = 1024;
constexpr std::size_t kResultNumbers = 7;

void requireLength(const Napi::TypedArray& array, std::size_t length, const char* name) {
  if (array.ElementLength() != length) {
    refuse(array.Env(), "Expected " + std::to_string(length) + " numbers in " + name +
                            " but received " + std::to_string(array.ElementLength()));
  }
}

// What is registered, and where the results go.
struct Batch {
  std::vector<TileCollection::Pair> pairs;
  std::vector<Registration> results;
  float* numbers = nullptr;

  void copyOut() const {
    float* to = numbers;
    for (const auto& [transform, matches, inliers] : results) {
      *to++ = static_cast<float>(inliers);
      *to++ = static_cast<float>(matches);
      *to++ = transform.mirrored ? 1.0F : 0.0F;
      *to++ = transform.factor.real();
      *to++ = transform.factor.imag();
      *to++ = transform.shift.real();
      *to++ = transform.shift.imag();
    }
  }
};

}  // namespace

Napi::Function Collection::define(Napi::Env env) {
  return DefineClass(env, "TileCollection",
                     {InstanceMethod<&Collection::describe>("describe"),
                      InstanceMethod<&Collection::index>("index"),
                      InstanceMethod<&Collection::neighbours>("neighbours"),
                      InstanceMethod<&Collection::registerPairs>("registerPairs"),
                      InstanceMethod<&Collection::close>("close")});
}

Collection::Collection(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Collection>(info) {
  registration::CollectionShape shape;
  shape.tiles = wholeNumber(info[0], "tiles", 1, kMostTiles);
  shape.size = wholeNumber(info[1], "size", 1, kMostSize);
  const std::size_t threads = wholeNumber(info[2], "threads", 1, kMostThreads);
  collection_ = TileCollection::make(shape, ThreadPool::shared(), threads);
}

TileCollection& Collection::idle(Napi::Env env) const {
  if (collection_ == nullptr) throw Napi::Error::New(env, "The collection has been closed");
  if (*busy_) throw Napi::Error::New(env, "The collection is at work: wait for its promise first");
  return *collection_;
}

void Collection::requireDescribed(Napi::Env env) const {
  if (described_ < collection_->shape().tiles) {
    throw Napi::Error::New(env, "Not all tiles have been described");
  }
}

Napi::Value Collection::describe(const Napi::CallbackInfo& info) {
  auto& collection = idle(info.Env());
  const auto [tiles, size] = collection.shape();
  const std::size_t first = wholeNumber(info[0], "first", described_, described_);
  const std::size_t count = wholeNumber(info[1], "count", 1, tiles - first);
  const auto rgb = typedArray<Napi::Uint8Array>(info[2], napi_uint8_array, "rgb (Uint8Array)");
  requireLength(rgb, count * size * size * 3, "rgb (Uint8Array)");
  auto promise = beginAlone(info, busy_, [&](Environment::Done done) {
    collection.describe(first, count, rgb.Data(), std::move(done));
  });
  described_ += count;
  return promise;
}

Napi::Value Collection::index(const Napi::CallbackInfo& info) {
  auto& collection = idle(info.Env());
  requireDescribed(info.Env());
  auto promise =
      beginAlone(info, busy_, [&](Environment::Done done) { collection.index(std::move(done)); });
  indexed_ = true;
  return promise;
}

Napi::Value Collection::neighbours(const Napi::CallbackInfo& info) {
  auto& collection = idle(info.Env());
  if (!indexed_) throw Napi::Error::New(info.Env(), "The collection has no index yet");
  const std::size_t tiles = collection.shape().tiles;
  const std::size_t first = wholeNumber(info[0], "first", 0, tiles - 1);
  const std::size_t count = wholeNumber(info[1], "count", 1, tiles - first);
  const std::size_t k = wholeNumber(info[2], "k", 1, kMostNeighbours);
  auto found = typedArray<Napi::Uint32Array>(info[3], napi_uint32_array, "found (Uint32Array)");
  requireLength(found, count * k, "found (Uint32Array)");
  return beginAlone(info, busy_, [&](Environment::Done done) {
    collection.neighbours(first, count, k, found.Data(), std::move(done));
  });
}

Napi::Value Collection::registerPairs(const Napi::CallbackInfo& info) {
  auto& collection = idle(info.Env());
  requireDescribed(info.Env());
  const auto pairs =
      typedArray<Napi::Uint32Array>(info[0], napi_uint32_array, "pairs (Uint32Array)");
  auto numbers =
      typedArray<Napi::Float32Array>(info[1], napi_float32_array, "results (Float32Array)");
  if (pairs.ElementLength() % 2 != 0)
    refuse(info.Env(), "Expected an even number of rows in pairs");
  const std::size_t count = pairs.ElementLength() / 2;
  requireLength(numbers, count * kResultNumbers, "results (Float32Array)");
  auto batch = std::make_shared<Batch>();
  for (std::size_t i = 0; i < count; ++i) {
    const TileCollection::Pair pair = {pairs[2 * i], pairs[2 * i + 1]};
    const std::size_t tiles = collection.shape().tiles;
    if (pair.from >= tiles || pair.onto >= tiles) {
      refuse(info.Env(), "Expected row numbers below " + std::to_string(tiles));
    }
    batch->pairs.push_back(pair);
  }
  batch->results.resize(count);
  batch->numbers = numbers.Data();
  return beginAlone(info, busy_, [&](Environment::Done done) {
    collection.registerPairs(batch->pairs.data(), count, batch->results.data(),
                             [batch, done = std::move(done)] {
                               batch->copyOut();
                               done();
                             });
  });
}

void Collection::close(const Napi::CallbackInfo& /*info*/) {
  collection_.reset();
}

}  // namespace lungcls::binding
