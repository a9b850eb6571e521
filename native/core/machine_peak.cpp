#include "machine_peak.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "host_mapping.hpp"
#include "machine_peak_kernels.hpp"

namespace lungcls {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTries = 3;
// Work between two looks at the clock: long beside a look, short beside a try.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kSteps = 20'000;
// Memory of all threads: more than the caches hold, whose size not every machine tells. What is
// told may be that of all the chip's caches together, of which a few cores reach a part.
constexpr std::size_t kUnknownCache = std::size_t{64} << 20;
constexpr std::size_t kLeastBytes = std::size_t{128} << 20;
constexpr std::size_t kMostBytes = std::size_t{512} << 20;
constexpr std::size_t kTimesCache = 2;

// Runs work(thread) on so many threads, none of which begins before all are there.
void together(std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::promise<void> gate;
  const auto opened = gate.get_future().share();
  std::atomic<bool> cancelled = false;
  std::vector<std::thread> running;
  running.reserve(threads);
  const auto finish = [&] {
    gate.set_value();
    for (auto& thread : running) thread.join();
  };
  try {
    for (std::size_t i = 0; i < threads; ++i) {
      running.emplace_back([&work, &cancelled, opened, i] {
        opened.wait();
        if (!cancelled) work(i);
      });
    }
  } catch (...) {
    cancelled = true;
    finish();
    throw;
  }
  finish();
}

struct Share {
  double work = 0;
  Clock::time_point begin;
  Clock::time_point end;
};

// Work a second of all threads; chunk(thread) does a little and says how much it was.
double bestRate(std::size_t threads, double seconds,
                const std::function<double(std::size_t)>& chunk) {
  const auto limit =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds / kTries));
  double best = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::vector<Share> shares(threads);
    together(threads, [&](std::size_t thread) {
      Share share;
      share.begin = share.end = Clock::now();
      while (share.end - share.begin < limit || share.work == 0) {
        share.work += chunk(thread);
        share.end = Clock::now();
      }
      shares[thread] = share;
    });
    Share all = shares[0];
    for (std::size_t i = 1; i < threads; ++i) {
      all.work += shares[i].work;
      all.begin = std::min(all.begin, shares[i].begin);
      all.end = std::max(all.end, shares[i].end);
    }
    best = std::max(best, all.work / std::chrono::duration<double>(all.end - all.begin).count());
  }
  return best;
}

std::size_t cacheBytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  if (const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE); bytes > 0) {
    return static_cast<std::size_t>(bytes);
  }
#endif
  return kUnknownCache;
}

// What a thread keeps to itself, a line of the cache of its own.
struct alignas(64) Place {
  std::size_t block = 0;
  std::uint64_t sum = 0;
};

struct MemoryRates {
  double read;
  double copy;
};

MemoryRates memoryRates(std::size_t threads, double seconds, std::size_t wanted) {
  // Of a thread: an even number, of which the first half is copied into the second.
  const std::size_t blocks = 2 * std::max<std::size_t>(1, wanted / threads / kBlockBytes / 2);
  const HostMapping memory(threads * blocks * kBlockBytes);
  const auto own = [&](std::size_t thread) {
    return memory.data() + thread * blocks * kBlockBytes;
  };
  // Each thread writes its part first, so that the pages are there, and near it.
  together(threads, [&](std::size_t thread) { std::memset(own(thread), 1, blocks * kBlockBytes); });

  const auto& kernels = peak::kernels().memory;
  std::vector<Place> places(threads);
  const double read = bestRate(threads, seconds, [&](std::size_t thread) {
    auto& place = places[thread];
    place.sum += kernels.read(own(thread) + place.block * kBlockBytes, kBlockBytes);
    place.block = (place.block + 1) % blocks;
    return static_cast<double>(kBlockBytes);
  });
  for (auto& place : places) place.block = 0;
  const double copy = bestRate(threads, seconds, [&](std::size_t thread) {
    auto& place = places[thread];
    auto* from = own(thread) + place.block * kBlockBytes;
    kernels.copy(from, from + blocks / 2 * kBlockBytes, kBlockBytes);
    place.block = (place.block + 1) % (blocks / 2);
    return 2.0 * kBlockBytes;
  });
  return {read, copy};
}

double arithmeticRate(const peak::ArithmeticKernel& kernel, std::size_t threads, double seconds) {
  std::vector<Place> places(threads);
  return bestRate(threads, seconds, [&](std::size_t thread) {
    places[thread].sum += kernel.run(kSteps, 1);
    return kernel.operationsPerStep * static_cast<double>(kSteps);
  });
}

}  // namespace

MachinePeak measureMachinePeak(std::size_t threads, double seconds, std::size_t memoryBytes) {
  constexpr double kGiga = 1e9;
  MachinePeak peak;
  const std::size_t beyondCaches = std::clamp(kTimesCache * cacheBytes(), kLeastBytes, kMostBytes);
  const auto memory = memoryRates(threads, seconds, memoryBytes == 0 ? beyondCaches : memoryBytes);
  peak.readGBs = memory.read / kGiga;
  peak.copyGBs = memory.copy / kGiga;
  const auto& multiplyAdd = peak::kernels().multiplyAdd;
  peak.fp32Gflops = arithmeticRate(multiplyAdd, threads, seconds) / kGiga;
  peak.fp32Code = multiplyAdd.name;
  if (const auto* dot = peak::dotKernel(); dot != nullptr) {
    peak.int8Gops = arithmeticRate(*dot, threads, seconds) / kGiga;
    peak.int8Code = dot->name;
  }
  return peak;
}

}  // namespace lungcls
