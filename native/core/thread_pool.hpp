// The process's one pool of worker threads, shared by every JavaScript environment in it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

#include "ring_queue.hpp"

namespace lungcls {

// First in, first out. Tasks must not throw, and must keep alive whatever they touch: the pool
// outlives its users.
class ThreadPool {
 public:
  using Task = std::function<void()>;

  explicit ThreadPool(std::size_t threads) : wanted_(threads) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Runs what has been posted, then ends the threads.
  ~ThreadPool();

  // Never destroyed, since threads may still be at work while the process exits.
  static ThreadPool& shared();

  // Throws std::system_error if the pool has no thread and none can be started.
  void post(Task task);

  // At least 1. A smaller number takes effect as tasks end.
  void resize(std::size_t threads);
  [[nodiscard]] std::size_t size() const;
  // The most tasks that ran at a time since this was last called; for tests of the budget.
  std::size_t takePeak();

 private:
  void startThreads();
  void work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  RingQueue<Task> tasks_;
  std::size_t wanted_;
  std::size_t running_ = 0;
  std::size_t idle_ = 0;
  std::size_t atWork_ = 0;
  std::size_t peak_ = 0;
  bool closing_ = false;
};

}  // namespace lungcls
