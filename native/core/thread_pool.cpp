#include "thread_pool.hpp"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace lungcls {

ThreadPool& ThreadPool::shared() {
  static auto* pool = new ThreadPool(std::max(1U, std::thread::hardware_concurrency()));
  return *pool;
}

ThreadPool::~ThreadPool() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return running_ == 0; });
}

void ThreadPool::post(Task task) {
  const std::lock_guard lock(mutex_);
  tasks_.push(std::move(task));
  startThreads();
  changed_.notify_one();
}

void ThreadPool::resize(std::size_t threads) {
  const std::lock_guard lock(mutex_);
  wanted_ = std::max<std::size_t>(1, threads);
  startThreads();
  changed_.notify_all();  // those too many go home
}

std::size_t ThreadPool::size() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}

std::size_t ThreadPool::takePeak() {
  const std::lock_guard lock(mutex_);
  return std::exchange(peak_, atWork_);
}

// With the mutex held. Threads are started when there is work for them, not before.
void ThreadPool::startThreads() {
  while (running_ < wanted_ && idle_ < tasks_.size()) {
    try {
      std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
      if (running_ > 0) return;  // those that run will come to it
      tasks_.dropLast();
      throw;
    }
    ++running_;
    ++idle_;
  }
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !tasks_.empty() || closing_ || running_ > wanted_; });
    if (running_ > wanted_ || tasks_.empty()) break;
    --idle_;
    peak_ = std::max(peak_, ++atWork_);
    {
      const Task task = tasks_.pop();
      lock.unlock();
      task();
    }
    lock.lock();
    --atWork_;
    ++idle_;
  }
  --idle_;
  --running_;
  changed_.notify_all();
}

}  // namespace lungcls
