#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "check.hpp"
#include "core/batch_decoder.hpp"
#include "core/mapped_rows.hpp"
#include "core/thread_pool.hpp"
#include "samples.hpp"

using lungcls::Batch;
using lungcls::BatchDecoder;
using lungcls::HostBuffer;
using lungcls::Status;
using lungcls::ThreadPool;
using lungcls::tileBytes;
using lungcls::test::sampleJpeg;
using lungcls::test::TemporaryFile;

namespace {

constexpr int kSize = 16;

lungcls::TileOptions options() {
  lungcls::TileOptions chosen;
  chosen.size = kSize;
  return chosen;
}

std::shared_ptr<Batch> batchOf(const std::string& path, std::size_t count, std::latch& done) {
  auto batch = std::make_shared<Batch>();
  batch->sources.assign(count, {path, {}});
  batch->tiles = HostBuffer::allocate(tileBytes(kSize) * count);
  std::memset(batch->tiles->data(), 0xA5, batch->tiles->size());
  batch->done = [&done](Batch&) { done.count_down(); };
  return batch;
}

}  // namespace

TEST("pool: everything posted from many threads runs once, while the pool changes its size") {
  constexpr int kTasks = 2000;
  constexpr int kPosters = 4;
  std::atomic<int> ran{0};
  {
    ThreadPool pool(2);
    std::vector<std::thread> posters;
    for (int p = 0; p < kPosters; ++p) {
      posters.emplace_back([&pool, &ran] {
        for (int i = 0; i < kTasks; ++i) pool.post([&ran] { ++ran; });
      });
    }
    for (std::size_t size = 1; size < 50; ++size) pool.resize(1 + size % 5);
    for (auto& poster : posters) poster.join();
    pool.resize(0);
    CHECK(pool.size() == 1);
  }
  CHECK(ran == kTasks * kPosters);
}

TEST("pool: no more threads than asked for work at a time") {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  {
    ThreadPool pool(3);
    for (int i = 0; i < 60; ++i) {
      pool.post([&] {
        int seen = most;
        const int mine = ++now;
        while (seen < mine && !most.compare_exchange_weak(seen, mine)) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --now;
      });
    }
  }
  CHECK(most >= 1 && most <= 3);
}

TEST("decoder: several decoders share a pool, every batch is done once and right") {
  const TemporaryFile jpeg(sampleJpeg(40, 40));
  constexpr int kDecoders = 3;
  constexpr int kBatches = 20;
  constexpr std::size_t kCount = 9;
  std::latch done(kDecoders * kBatches);
  ThreadPool pool(4);
  std::vector<std::shared_ptr<BatchDecoder>> decoders;
  std::vector<std::shared_ptr<Batch>> batches;
  for (std::size_t d = 0; d < kDecoders; ++d) {
    decoders.push_back(std::make_shared<BatchDecoder>(pool, options(), d + 1));
  }
  for (int b = 0; b < kBatches; ++b) {
    for (auto& decoder : decoders) {
      batches.push_back(batchOf(jpeg.path(), kCount, done));
      decoder->submit(batches.back());
    }
  }
  done.wait();
  const std::uint8_t* first = batches.front()->tiles->data();
  for (const auto& batch : batches) {
    for (std::size_t i = 0; i < kCount; ++i) {
      CHECK(batch->outcomes[i].ok());
      CHECK(std::memcmp(batch->tiles->data() + i * tileBytes(kSize), first, tileBytes(kSize)) == 0);
    }
  }
}

TEST("decoder: cancelling finishes every batch, with a tile or with zeros") {
  const TemporaryFile jpeg(sampleJpeg(200, 200));
  for (int round = 0; round < 20; ++round) {
    constexpr std::size_t kCount = 30;
    std::latch done(4);
    ThreadPool pool(2);
    auto decoder = std::make_shared<BatchDecoder>(pool, options(), 2);
    std::vector<std::shared_ptr<Batch>> batches;
    for (int b = 0; b < 4; ++b) {
      batches.push_back(batchOf(jpeg.path(), kCount, done));
      decoder->submit(batches.back());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
    decoder->cancel();
    done.wait();
    decoder->cancel();
    for (const auto& batch : batches) {
      for (std::size_t i = 0; i < kCount; ++i) {
        const std::uint8_t* tile = batch->tiles->data() + i * tileBytes(kSize);
        const bool black =
            std::all_of(tile, tile + tileBytes(kSize), [](auto v) { return v == 0; });
        const Status status = batch->outcomes[i].status;
        CHECK(status == Status::Ok || (status == Status::Cancelled && black));
      }
    }
  }
}

TEST("decoder: an empty batch is done at once") {
  ThreadPool pool(1);
  std::latch done(1);
  auto decoder = std::make_shared<BatchDecoder>(pool, options(), 1);
  decoder->submit(batchOf("", 0, done));
  done.wait();
}

TEST("decoder: work may outlive its decoder's last user") {
  const TemporaryFile jpeg(sampleJpeg(100, 100));
  std::latch done(1);
  ThreadPool pool(2);
  std::make_shared<BatchDecoder>(pool, options(), 2)->submit(batchOf(jpeg.path(), 50, done));
  done.wait();
}

TEST(
    "decoder: cancelling under load, from other threads, while slots are reused and the pool "
    "resized") {
  const TemporaryFile jpeg(sampleJpeg(60, 60));
  constexpr int kDecoders = 3;
  constexpr int kRounds = 40;
  constexpr std::size_t kCount = 8;
  constexpr std::size_t kSlots = 3;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> finished{0};
  std::atomic<int> decoded{0};
  ThreadPool pool(3);
  std::vector<std::shared_ptr<BatchDecoder>> decoders;
  for (int d = 0; d < kDecoders; ++d) {
    decoders.push_back(std::make_shared<BatchDecoder>(pool, options(), 2));
  }
  // Of each decoder one user, who fills a ring of slots again and again.
  std::vector<std::thread> users;
  for (auto& decoder : decoders) {
    users.emplace_back([&, decoder] {
      std::vector<std::shared_ptr<HostBuffer>> slots;
      for (std::size_t s = 0; s < kSlots; ++s) {
        slots.push_back(HostBuffer::allocate(tileBytes(kSize) * kCount));
      }
      for (int round = 0; round < kRounds; ++round) {
        std::latch done(kSlots);
        std::vector<std::shared_ptr<Batch>> batches;
        for (const auto& slot : slots) {
          auto batch = std::make_shared<Batch>();
          batch->sources.assign(kCount, {jpeg.path(), {}});
          batch->tiles = slot;
          std::memset(slot->data(), 0xA5, slot->size());
          batch->done = [&](Batch&) {
            ++finished;
            done.count_down();
          };
          batches.push_back(batch);
          decoder->submit(batch);
        }
        done.wait();
        for (const auto& batch : batches) {
          for (std::size_t i = 0; i < kCount; ++i) {
            const std::uint8_t* tile = batch->tiles->data() + i * tileBytes(kSize);
            const bool black =
                std::all_of(tile, tile + tileBytes(kSize), [](auto v) { return v == 0; });
            const bool isDecoded = batch->outcomes[i].ok();
            if (isDecoded) ++decoded;
            if (isDecoded == black) ++wrong;
            if (!isDecoded && batch->outcomes[i].status != Status::Cancelled) ++wrong;
          }
        }
      }
    });
  }
  std::thread canceller([&] {
    for (int i = 0; !stop; ++i) {
      decoders[static_cast<std::size_t>(i) % kDecoders]->cancel();
      pool.resize(1 + static_cast<std::size_t>(i) % 4);
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  });
  for (auto& user : users) user.join();
  stop = true;
  canceller.join();
  CHECK(wrong == 0);
  CHECK(finished == kDecoders * kRounds * static_cast<int>(kSlots));
  CHECK(decoded > 0);
}

TEST("pool: its peak tells how many tasks ran at a time") {
  ThreadPool pool(2);
  CHECK(pool.takePeak() == 0);
  std::latch both(2);
  std::latch done(2);
  for (int i = 0; i < 2; ++i) {
    pool.post([&] {
      both.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
  CHECK(pool.takePeak() == 2);
}
