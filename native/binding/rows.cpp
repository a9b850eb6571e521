#include "rows.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>
#include <vector>

#include "../core/thread_pool.hpp"
#include "arguments.hpp"
#include "environment.hpp"

namespace lungcls::binding {
namespace {

constexpr std::uint64_t kMaxSafeInteger = 9007199254740991;

// Row numbers, each checked.
std::vector<std::uint32_t> rowNumbers(const Napi::Value& value, std::uint64_t rows) {
  std::vector<std::uint32_t> numbers;
  if (value.IsTypedArray()) {
    const auto type = value.As<Napi::TypedArray>().TypedArrayType();
    if (type == napi_uint32_array) {
      const auto array = value.As<Napi::Uint32Array>();
      numbers.assign(array.Data(), array.Data() + array.ElementLength());
    } else if (type == napi_int32_array) {
      // A negative number becomes one far beyond the last row.
      const auto array = value.As<Napi::Int32Array>();
      numbers.assign(array.Data(), array.Data() + array.ElementLength());
    } else {
      refuse(value.Env(), "Expected a Uint32Array or an Int32Array for rows");
    }
  } else {
    refuse(value.Env(), "Expected a Uint32Array or an Int32Array for rows");
  }
  for (const std::uint32_t number : numbers) {
    if (number >= rows) {
      refuse(value.Env(), "Expected row numbers below " + std::to_string(rows));
    }
  }
  return numbers;
}

Napi::Error openError(Napi::Env env, const Outcome& outcome) {
  auto error = Napi::Error::New(env, outcome.message);
  error.Set("status", Napi::Number::New(env, static_cast<int>(outcome.status)));
  return error;
}

// The rows of one gathering, shared by the tasks that copy them.
struct Gathering {
  std::shared_ptr<MappedRows> mapped;
  std::vector<std::uint32_t> rows;
  std::function<void(std::uint32_t row, std::size_t at)> copy;
  std::function<void()> done;
  std::atomic<std::size_t> tasks{0};

  void run(std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) copy(rows[i], i);
    if (tasks.fetch_sub(1, std::memory_order_acq_rel) == 1) done();
  }
};

// Splits the gathering evenly over the pool.
void distribute(const std::shared_ptr<Gathering>& gathering) {
  auto& pool = ThreadPool::shared();
  const std::size_t count = gathering->rows.size();
  const std::size_t tasks = std::clamp<std::size_t>(count, 1, pool.size());
  gathering->tasks = tasks;
  for (std::size_t i = 0; i < tasks; ++i) {
    pool.post([gathering, first = count * i / tasks, last = count * (i + 1) / tasks] {
      gathering->run(first, last);
    });
  }
}

}  // namespace

Napi::Function Rows::define(Napi::Env env) {
  return DefineClass(env, "MappedRows",
                     {InstanceMethod<&Rows::gatherBytes>("gatherBytes"),
                      InstanceMethod<&Rows::gatherHalfToFloat>("gatherHalfToFloat"),
                      InstanceMethod<&Rows::close>("close")});
}

Rows::Rows(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Rows>(info) {
  const std::string path = text(info[0], "path");
  const std::uint64_t offset = wholeNumber(info[1], "offset", 0, kMaxSafeInteger);
  const std::uint64_t rowBytes = wholeNumber(info[2], "rowBytes", 1, kMaxSafeInteger);
  const std::uint64_t rows = wholeNumber(info[3], "rows", 0, UINT32_MAX);
  Outcome outcome;
  mapped_ = MappedRows::open(path, offset, rowBytes, rows, outcome);
  if (!outcome.ok()) throw openError(info.Env(), outcome);
}

Napi::Value Rows::gatherBytes(const Napi::CallbackInfo& info) {
  return gather(info, false);
}

Napi::Value Rows::gatherHalfToFloat(const Napi::CallbackInfo& info) {
  return gather(info, true);
}

Napi::Value Rows::gather(const Napi::CallbackInfo& info, bool halves) {
  if (mapped_ == nullptr) throw Napi::Error::New(info.Env(), "The rows have been closed");
  auto gathering = std::make_shared<Gathering>();
  gathering->mapped = mapped_;
  gathering->rows = rowNumbers(info[0], mapped_->rows());
  const MappedRows& mapped = *mapped_;
  Napi::TypedArray out;
  std::size_t rowElements = mapped.rowBytes();
  if (halves) {
    rowElements /= 2;
    auto floats = typedArray<Napi::Float32Array>(info[1], napi_float32_array, "out (Float32Array)");
    gathering->copy = [&mapped, to = floats.Data(), rowElements](std::uint32_t row,
                                                                 std::size_t at) {
      mapped.copyHalfRow(row, to + at * rowElements);
    };
    out = floats;
  } else {
    auto bytes = typedArray<Napi::Uint8Array>(info[1], napi_uint8_array, "out (Uint8Array)");
    gathering->copy = [&mapped, to = bytes.Data(), rowElements](std::uint32_t row, std::size_t at) {
      mapped.copyRow(row, to + at * rowElements);
    };
    out = bytes;
  }
  if (out.ElementLength() < gathering->rows.size() * rowElements) {
    refuse(info.Env(), "Expected room for " + std::to_string(gathering->rows.size()) + " rows of " +
                           std::to_string(rowElements) + " elements in out");
  }
  return Environment::of(info.Env())
      .begin(
          info.Env(), {out},
          [&gathering](Environment::Done done) {
            gathering->done = std::move(done);
            distribute(gathering);
          },
          [](Napi::Env env) { return env.Undefined(); });
}

void Rows::close(const Napi::CallbackInfo& /*info*/) {
  mapped_.reset();
}

}  // namespace lungcls::binding
