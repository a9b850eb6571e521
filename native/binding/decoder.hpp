// TileDecoder: the batch decoder with its ring of slots, for JavaScript.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "../core/batch_decoder.hpp"

namespace lungcls::binding {

class Decoder : public Napi::ObjectWrap<Decoder> {
 public:
  static Napi::Function define(Napi::Env env);

  // ({size, batchSize, slots, threads, maxPixels, maxFileBytes, maxMemory, maxMilliseconds,
  //   keepDamaged, sparse, cudaDriver})
  explicit Decoder(const Napi::CallbackInfo& info);

 private:
  void Finalize(Napi::Env env) override;

  // (slot, files, entries) -> Promise<{statuses: Uint8Array, messages: string[]}>
  Napi::Value decode(const Napi::CallbackInfo& info);
  // (slot, row, pixels: Uint8Array, width, height) -> Promise<void>: resizes RGB pixels into a row.
  Napi::Value place(const Napi::CallbackInfo& info);
  // (slot, count) -> ArrayBuffer over the first `count` tiles of the slot.
  Napi::Value view(const Napi::CallbackInfo& info);
  // (ArrayBuffer of view): detaches it, so that a later use fails.
  void detach(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  // Cancels, and gives the slots back: their memory goes with the last view and the last task.
  void close(const Napi::CallbackInfo& info);

  // {kind, reason}: what the slots are made of.
  Napi::Value memory(const Napi::CallbackInfo& info);

  void count(std::size_t slot);
  void uncount(std::size_t slot);
  std::size_t slotArgument(const Napi::Value& value) const;  // a JavaScript error once closed

  std::shared_ptr<BatchDecoder> decoder_;
  std::vector<std::shared_ptr<HostBuffer>> slots_;
  MemoryFacts memory_;
  // Of the slots that are not lent: what V8 counts their memory by.
  std::vector<Napi::Reference<Napi::ArrayBuffer>> countedSlots_;
  std::size_t batchSize_ = 0;
  std::uint64_t closingHandle_ = 0;
};

// (cudaDriver) -> {kind, reason} of a buffer made for the purpose.
Napi::Value probeMemory(const Napi::CallbackInfo& info);

}  // namespace lungcls::binding
