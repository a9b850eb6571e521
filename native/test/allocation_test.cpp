// In the steady state a thread allocates nothing for an image, nor does the pool for a task. Every
// allocation of the process is counted here, operator new's and those of C libraries alike.
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "core/batch_decoder.hpp"
#include "core/tile.hpp"
#include "samples.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};
std::atomic<long> frees{0};

void* counted(void* memory) {
  if (memory != nullptr && counting.load(std::memory_order_relaxed)) ++allocations;
  return memory;
}

}  // namespace

// glibc's own names for what is replaced here; operator new comes to malloc.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* memory);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t bytes) {
  return counted(__libc_malloc(bytes));
}
void* calloc(std::size_t count, std::size_t bytes) {
  return counted(__libc_calloc(count, bytes));
}
void* realloc(void* memory, std::size_t bytes) {
  return counted(__libc_realloc(memory, bytes));
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return counted(__libc_memalign(alignment, bytes));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  *memory = counted(__libc_memalign(alignment, bytes));
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  if (memory != nullptr && counting.load(std::memory_order_relaxed)) ++frees;
  __libc_free(memory);
}
}

namespace {

using lungcls::ImageSource;
using lungcls::Outcome;
using lungcls::TileOptions;
using lungcls::test::JpegOptions;
using lungcls::test::sampleJpeg;
using lungcls::test::TemporaryFile;

constexpr int kSize = 64;
constexpr int kImages = 200;
// What libjpeg-turbo takes for an image, from jpeg_create_decompress on: its state and its pools,
// which it sizes by the image and gives back with it. Kept, they would carry tables from one image
// into the next that lacks them.
constexpr long kMostByLibjpeg = 16;

bool failed = false;

void check(bool holds, const char* what, long got) {
  if (holds) return;
  failed = true;
  std::fprintf(stderr, "failed: %s (%ld)\n", what, got);
}

struct Count {
  long allocated;
  long freed;
};

template <typename Work>
Count countDuring(Work work) {
  allocations = 0;
  frees = 0;
  counting = true;
  work();
  counting = false;
  return {allocations, frees};
}

// Makes tiles of the sources, which have several sizes, in turns.
void makeTiles(const std::vector<ImageSource>& sources, const TileOptions& options, int images,
               lungcls::ThreadWorkspace& workspace, std::vector<std::uint8_t>& tiles) {
  std::array<Outcome, lungcls::kInterleaved> outcomes;
  for (int i = 0; i < images; i += static_cast<int>(lungcls::kInterleaved)) {
    const std::size_t first = static_cast<std::size_t>(i) % sources.size();
    lungcls::tilesFromSources(std::span(sources).subspan(first, lungcls::kInterleaved), options,
                              workspace, tiles.data(), outcomes);
    for (const Outcome& outcome : outcomes) check(outcome.ok(), "an image is ok", first);
  }
}

// Allocations for kImages images, once the working memory has its size.
Count steadyState(const std::vector<ImageSource>& sources, const TileOptions& options) {
  lungcls::ThreadWorkspace workspace;
  std::vector<std::uint8_t> tiles(lungcls::tileBytes(kSize) * lungcls::kInterleaved);
  makeTiles(sources, options, 4 * static_cast<int>(sources.size()), workspace, tiles);
  return countDuring([&] { makeTiles(sources, options, kImages, workspace, tiles); });
}

// Images that a batch decoder makes on a pool's threads: allocations for the second batch.
long throughThePool(const std::vector<ImageSource>& sources, const TileOptions& options) {
  lungcls::ThreadPool pool(1);
  auto decoder = std::make_shared<lungcls::BatchDecoder>(pool, options, 1);
  std::vector<std::shared_ptr<lungcls::Batch>> batches;
  for (int i = 0; i < 2; ++i) {
    auto batch = std::make_shared<lungcls::Batch>();
    for (int k = 0; k < kImages; ++k) {
      batch->sources.push_back(sources[static_cast<std::size_t>(k) % sources.size()]);
    }
    batch->outcomes.resize(kImages);
    batch->tiles = lungcls::HostBuffer::allocate(lungcls::tileBytes(kSize) * kImages);
    batches.push_back(batch);
  }
  Count count{};
  for (const auto& batch : batches) {
    std::latch done(1);
    batch->done = [&done](lungcls::Batch&) { done.count_down(); };
    count = countDuring([&] {
      decoder->submit(batch);
      done.wait();
    });
  }
  return count.allocated;
}

}  // namespace

int main() {
  std::vector<std::unique_ptr<TemporaryFile>> files;
  std::vector<ImageSource> baseline;
  std::vector<ImageSource> progressive;
  for (const int side : {64, 96, 224, 150}) {
    for (const bool isProgressive : {false, true}) {
      const JpegOptions made{75, isProgressive, side == 96 ? 1 : 0, side != 150};
      files.push_back(std::make_unique<TemporaryFile>(sampleJpeg(side, side + 10, made)));
      (isProgressive ? progressive : baseline).push_back({files.back()->path(), {}});
    }
  }
  TileOptions options;
  options.size = kSize;

  const Count sparse = steadyState(baseline, options);
  check(sparse.allocated == 0, "the sparse decoder allocates nothing", sparse.allocated);
  for (const auto& sources : {baseline, progressive}) {
    options.sparse = false;
    const Count libjpeg = steadyState(sources, options);
    check(libjpeg.allocated == libjpeg.freed, "libjpeg-turbo gives back what it took",
          libjpeg.allocated - libjpeg.freed);
    check(libjpeg.allocated <= kMostByLibjpeg * kImages, "libjpeg-turbo's own pools alone",
          libjpeg.allocated / kImages);
    std::printf("libjpeg-turbo: %.1f allocations an image, all given back\n",
                static_cast<double>(libjpeg.allocated) / kImages);
  }
  // Last: the pool's thread, which gives its memory back as it ends, is not waited for.
  options.sparse = true;
  const long pooled = throughThePool(baseline, options);
  check(pooled < 8, "a batch allocates, an image in it does not", pooled);
  std::printf("sparse: %ld allocations for %d images; a batch of them through the pool: %ld\n",
              sparse.allocated, kImages, pooled);
  return failed ? 1 : 0;
}
