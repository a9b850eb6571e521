#include "batch_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace lungcls {
namespace {

ThreadWorkspace& threadWorkspace() {
  static thread_local ThreadWorkspace workspace;
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
    waiting_.push(batch);
    starting = std::min(count, threads_ - std::min(threads_, runners_));
    runners_ += starting;
    if (runners_ > 0) self_ = shared_from_this();
  }
  for (std::size_t i = 0; i < starting; ++i) {
    try {
      pool_.post([this] { run(); });
    } catch (...) {
      withdraw(starting - i);
      if (i == 0) throw;
      return;
    }
  }
}

// Takes back runners that could not be posted; if there is none at all, the last batch with them.
void BatchDecoder::withdraw(std::size_t runners) {
  std::shared_ptr<BatchDecoder> self;
  const std::lock_guard lock(mutex_);
  runners_ -= runners;
  if (runners_ > 0) return;
  self.swap(self_);
  if (!waiting_.empty()) waiting_.dropLast();
}

// A few images, then to the back of the pool's queue, so that decoders take turns.
void BatchDecoder::run() {
  std::shared_ptr<BatchDecoder> self;  // outlives the lock, which lives in it
  std::shared_ptr<Batch> batch;
  std::size_t first = 0;
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      if (--runners_ == 0) self.swap(self_);
      return;
    }
    batch = waiting_.front();
    first = batch->next;
    count = std::min(kInterleaved, batch->sources.size() - first);
    batch->next += count;
    if (batch->next == batch->sources.size()) waiting_.pop();
  }
  tilesFromSources(std::span(batch->sources).subspan(first, count), options_, threadWorkspace(),
                   batch->tiles->data() + first * tileBytes(options_.size),
                   std::span(batch->outcomes).subspan(first, count));
  finish(*batch, count);
  pool_.post([this] { run(); });
}

void BatchDecoder::cancel() {
  RingQueue<std::shared_ptr<Batch>> dropped;
  {
    const std::lock_guard lock(mutex_);
    std::swap(dropped, waiting_);
  }
  while (!dropped.empty()) {
    const auto batch = dropped.pop();
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
