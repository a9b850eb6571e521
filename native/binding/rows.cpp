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

constexpr std::size_t kHalfBytes = 2;
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
  return DefineClass(
      env, "MappedRows",
      {InstanceMethod<&Rows::gatherBytes>("gatherBytes"),
       InstanceMethod<&Rows::gatherHalfToFloat>("gatherHalfToFloat"),
       InstanceMethod<&Rows::averageHalf>("averageHalf"), InstanceMethod<&Rows::close>("close")});
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
  const MappedRows& mapped = opened(info.Env());
  const std::size_t width = mapped.rowBytes();
  auto out = typedArray<Napi::Uint8Array>(info[1], napi_uint8_array, "out (Uint8Array)");
  return gather(info.Env(), info[0], out, width,
                [&mapped, to = out.Data(), width](std::uint32_t row, std::size_t at) {
                  mapped.copyRow(row, to + at * width);
                });
}

Napi::Value Rows::gatherHalfToFloat(const Napi::CallbackInfo& info) {
  const MappedRows& mapped = opened(info.Env());
  const std::size_t width = mapped.rowBytes() / kHalfBytes;
  auto out = typedArray<Napi::Float32Array>(info[1], napi_float32_array, "out (Float32Array)");
  return gather(info.Env(), info[0], out, width,
                [&mapped, to = out.Data(), width](std::uint32_t row, std::size_t at) {
                  mapped.copyHalfRow(row, to + at * width);
                });
}

Napi::Value Rows::averageHalf(const Napi::CallbackInfo& info) {
  const MappedRows& mapped = opened(info.Env());
  const std::size_t halves = mapped.rowBytes() / kHalfBytes;
  const std::size_t channels = wholeNumber(info[1], "channels", 1, halves);
  if (mapped.rowBytes() % (channels * kHalfBytes) != 0) {
    refuse(info.Env(), "Expected channels that divide a row of " + std::to_string(halves) +
                           " halves but received " + std::to_string(channels));
  }
  auto out = typedArray<Napi::Float32Array>(info[2], napi_float32_array, "out (Float32Array)");
  return gather(info.Env(), info[0], out, channels,
                [&mapped, to = out.Data(), channels](std::uint32_t row, std::size_t at) {
                  mapped.averageHalfRow(row, channels, to + at * channels);
                });
}

const MappedRows& Rows::opened(Napi::Env env) const {
  if (mapped_ == nullptr) throw Napi::Error::New(env, "The rows have been closed");
  return *mapped_;
}

Napi::Value Rows::gather(Napi::Env env, const Napi::Value& rows, Napi::TypedArray out,
                         std::size_t rowElements, Copy copy) {
  auto gathering = std::make_shared<Gathering>();
  gathering->mapped = mapped_;
  gathering->rows = rowNumbers(rows, mapped_->rows());
  gathering->copy = std::move(copy);
  if (out.ElementLength() < gathering->rows.size() * rowElements) {
    refuse(env, "Expected room for " + std::to_string(gathering->rows.size()) + " rows of " +
                    std::to_string(rowElements) + " elements in out");
  }
  return Environment::of(env).begin(
      env, {out},
      [&gathering](Environment::Done done) {
        gathering->done = std::move(done);
        distribute(gathering);
      },
      [](Napi::Env scope) { return scope.Undefined(); });
}

void Rows::close(const Napi::CallbackInfo& /*info*/) {
  mapped_.reset();
}

}  // namespace lungcls::binding
