// Decodes lists of images into the slots of a ring of batch buffers, on the shared thread pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "host_buffer.hpp"
#include "ring_queue.hpp"
#include "thread_pool.hpp"
#include "tile.hpp"

namespace lungcls {

// A list of images on its way into one buffer. Held by the decoder and by the tasks at work on it.
struct Batch {
  std::vector<ImageSource> sources;
  std::vector<Outcome> outcomes;      // one a source, complete once `done` is called
  std::shared_ptr<HostBuffer> tiles;  // tileBytes(size) a source
  std::function<void(Batch&)> done;   // called once, on any thread; must not throw

  std::size_t next = 0;              // first source that nobody has taken
  std::atomic<std::size_t> left{0};  // sources not finished
};

// Thread-safe. Batches are begun in the order of submission. Held by shared_ptr: it keeps itself
// alive while tasks are under way. They allocate nothing for the images that they decode.
class BatchDecoder : public std::enable_shared_from_this<BatchDecoder> {
 public:
  // At most `threads` of the pool's threads work for this decoder at a time.
  BatchDecoder(ThreadPool& pool, TileOptions options, std::size_t threads)
      : pool_(pool), options_(options), threads_(threads) {}

  [[nodiscard]] const TileOptions& options() const { return options_; }

  // `batch` has sources, tiles and done set. An empty batch is done at once. Throws
  // std::system_error, without calling done, if there is no thread at all for it.
  void submit(const std::shared_ptr<Batch>& batch);

  // Images that nobody has begun get the status Cancelled; those under way are finished.
  void cancel();

 private:
  void run();
  void withdraw(std::size_t runners);
  static void finish(Batch& batch, std::size_t count);

  ThreadPool& pool_;
  const TileOptions options_;
  const std::size_t threads_;
  std::mutex mutex_;
  RingQueue<std::shared_ptr<Batch>> waiting_;
  std::size_t runners_ = 0;  // tasks posted and not ended
  // Set while there are runners. The tasks themselves hold a bare pointer: a std::function would
  // allocate memory for a shared one, for each image.
  std::shared_ptr<BatchDecoder> self_;
};

}  // namespace lungcls
