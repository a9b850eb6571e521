#include "batch_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace lungcls {
namespace {

Workspace& threadWorkspace() {
  static thread_local Workspace workspace;
  return workspace;
}

}  // namespace

void BatchDecoder::submit(const std::shared_ptr<Batch>& batch) {
  const std::size_t count = batch->sources.size();
  batch->outcomes.resize(count);
  batch->left = count;
  if (count == 0) {
    batch->done(*batch);
    return;
  }
  std::size_t starting = 0;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(batch);
    starting = std::min(count, threads_ - std::min(threads_, runners_));
    runners_ += starting;
  }
  for (std::size_t i = 0; i < starting; ++i) {
    pool_.post([self = shared_from_this()] { self->run(); });
  }
}

// One image, then to the back of the pool's queue, so that decoders take turns.
void BatchDecoder::run() {
  std::shared_ptr<Batch> batch;
  std::size_t index = 0;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --runners_;
      return;
    }
    batch = waiting_.front();
    index = batch->next++;
    if (batch->next == batch->sources.size()) waiting_.pop_front();
  }
  std::uint8_t* tile = batch->tiles->data() + index * tileBytes(options_.size);
  batch->outcomes[index] = tileFromSource(batch->sources[index], options_, threadWorkspace(), tile);
  finish(*batch, 1);
  pool_.post([self = shared_from_this()] { self->run(); });
}

void BatchDecoder::cancel() {
  std::deque<std::shared_ptr<Batch>> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(waiting_);
  }
  for (const auto& batch : dropped) {
    const std::size_t first = batch->next;
    const std::size_t count = batch->sources.size() - first;
    for (std::size_t i = first; i < batch->sources.size(); ++i) {
      batch->outcomes[i] = {Status::Cancelled, "Stopped before this image was decoded"};
    }
    std::memset(batch->tiles->data() + first * tileBytes(options_.size), 0,
                count * tileBytes(options_.size));
    finish(*batch, count);
  }
}

void BatchDecoder::finish(Batch& batch, std::size_t count) {
  // Whoever takes the last ones sees what all the others wrote.
  if (batch.left.fetch_sub(count, std::memory_order_acq_rel) == count) batch.done(batch);
}

}  // namespace lungcls
