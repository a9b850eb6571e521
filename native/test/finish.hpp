// Waiting for operations that tell their end by a call.
#pragma once

#include <condition_variable>
#include <mutex>

namespace lungcls::test {

// Begins an operation and waits until it has called what it was given.
template <typename Begin>
void finish(const Begin& begin) {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  begin([&] {
    const std::lock_guard lock(mutex);
    over = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return over; });
}

}  // namespace lungcls::test
