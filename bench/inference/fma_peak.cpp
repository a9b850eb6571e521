// The most multiply-add work in float32 that the processor does: independent fused multiply-adds in
// registers, on every core at once. Prints GFLOP/s, the best of a few tries.
//
//   fma_peak THREADS
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
// More than latency times units of any processor, fewer than there are registers.
constexpr int CHAINS = 12;
constexpr long STEPS = 20'000'000;

using Vector = float __attribute__((vector_size(LANES * sizeof(float))));

void work(float seed, float* out) {
  Vector sums[CHAINS];
  for (int c = 0; c < CHAINS; c++) sums[c] = Vector{} + seed + static_cast<float>(c);
  const Vector factor = Vector{} + 0.999F * seed;
  const Vector term = Vector{} + 0.001F * seed;
  for (long step = 0; step < STEPS; step++) {
#pragma GCC unroll 12
    for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * factor + term;
  }
  for (int c = 0; c < CHAINS; c++) *out += sums[c][0];
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  double best = 0;
  std::vector<float> outs(static_cast<std::size_t>(threads) * 64);
  for (int attempt = 0; attempt < 5; attempt++) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; t++) {
      pool.emplace_back(work, 1.0F, &outs[static_cast<std::size_t>(t) * 64]);
    }
    for (auto& thread : pool) thread.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    const double flop = 2.0 * LANES * CHAINS * static_cast<double>(STEPS) * threads;
    const double rate = flop / seconds.count() / 1e9;
    if (rate > best) best = rate;
  }
  if (outs[0] == 12345.0F) std::puts("");
  std::printf("%.1f\n", best);
}
