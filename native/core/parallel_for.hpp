// A loop over independent items on the pool's threads.
#pragma once

#include <cstddef>
#include <functional>

#include "thread_pool.hpp"

namespace lungcls {

// Calls work(item, worker) once for each item below `count`, by at most `workers` tasks of the
// pool; `worker` is the number of the task, for memory that a task has to itself. Then calls
// `done`, on the thread that finishes last. Neither may throw. Returns at once.
void parallelFor(ThreadPool& pool, std::size_t count, std::size_t workers,
                 std::function<void(std::size_t item, std::size_t worker)> work,
                 std::function<void()> done);

}  // namespace lungcls
