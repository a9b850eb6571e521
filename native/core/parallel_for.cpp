#include "parallel_for.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace lungcls {
namespace {

struct Loop {
  std::size_t count;
  std::function<void(std::size_t, std::size_t)> work;
  std::function<void()> done;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> tasks{0};

  void run(std::size_t worker) {
    for (std::size_t item = next++; item < count; item = next++) work(item, worker);
    if (tasks.fetch_sub(1, std::memory_order_acq_rel) == 1) done();
  }
};

}  // namespace

void parallelFor(ThreadPool& pool, std::size_t count, std::size_t workers,
                 std::function<void(std::size_t, std::size_t)> work, std::function<void()> done) {
  auto loop = std::make_shared<Loop>();
  loop->count = count;
  loop->work = std::move(work);
  loop->done = std::move(done);
  const std::size_t tasks = std::clamp<std::size_t>(count, 1, std::max<std::size_t>(1, workers));
  loop->tasks = tasks;
  // Only the first can fail: once the pool has a thread, it has one for the others.
  for (std::size_t worker = 0; worker < tasks; ++worker) {
    pool.post([loop, worker] { loop->run(worker); });
  }
}

}  // namespace lungcls
