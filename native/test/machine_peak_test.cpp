#include "core/machine_peak.hpp"

#include <cstring>

#include "check.hpp"
#include "core/host_mapping.hpp"
#include "core/machine_peak_kernels.hpp"

namespace {

constexpr std::size_t kBytes = 4 * lungcls::peak::kStride;
constexpr double kSeconds = 0.03;
constexpr std::size_t kMemoryBytes = std::size_t{16} << 20;

}  // namespace

TEST("machine peak: the memory loops read and copy every byte") {
  const auto& kernels = lungcls::peak::kernels().memory;
  const lungcls::HostMapping memory(2 * kBytes);
  auto* from = memory.data();
  auto* to = from + kBytes;
  const std::uint64_t none = kernels.read(from, kBytes);
  // Whichever of the 64-bit words has another last bit, the exclusive or of all has.
  for (std::size_t word = 0; word < kBytes; word += sizeof(std::uint64_t)) {
    from[word] = 1;
    CHECK(kernels.read(from, kBytes) == (none ^ 1));
    from[word] = 0;
  }
  for (std::size_t i = 0; i < kBytes; ++i) from[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  kernels.copy(from, to, kBytes);
  CHECK(std::memcmp(from, to, kBytes) == 0);
}

TEST("machine peak: the arithmetic depends on every step") {
  // Chains begin with 0, 1, 2, ... and tend to 1: their sum falls towards their number.
  const auto& multiplyAdd = lungcls::peak::kernels().multiplyAdd;
  const auto begun = multiplyAdd.run(0, 1);
  const auto later = multiplyAdd.run(1000, 1);
  CHECK(begun > later);
  CHECK(later > multiplyAdd.run(100'000, 1));
  CHECK(multiplyAdd.operationsPerStep >= 2.0 * 12);
  if (const auto* dot = lungcls::peak::dotKernel(); dot != nullptr) {
    // Each step adds 4 products of 1 in each of the chains.
    const auto start = dot->run(0, 1);
    const auto added = dot->run(10, 1) - start;
    CHECK(added % (4 * 10) == 0);
    CHECK(added / (4 * 10) >= 12);
    CHECK(dot->run(1000, 1) - start == 100 * added);
  }
}

TEST("machine peak: every rate is measured, on one thread and on more than there are CPUs") {
  for (const std::size_t threads : {std::size_t{1}, std::size_t{5}}) {
    const auto peak = lungcls::measureMachinePeak(threads, kSeconds, kMemoryBytes);
    CHECK(peak.readGBs > 0);
    CHECK(peak.copyGBs > 0);
    CHECK(peak.fp32Gflops > 0);
    CHECK(!peak.fp32Code.empty());
    CHECK((peak.int8Gops > 0) == !peak.int8Code.empty());
    CHECK((lungcls::peak::dotKernel() != nullptr) == !peak.int8Code.empty());
  }
}
