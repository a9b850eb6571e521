#include "host_mapping.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <new>
#include <system_error>

namespace lungcls {
namespace {

// Linux's switches of transparent huge pages (Documentation/admin-guide/mm/transhuge.rst).
constexpr const char* kEnabledFile = "/sys/kernel/mm/transparent_hugepage/enabled";
constexpr const char* kSizeFile = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";

struct HugePages {
  std::size_t size = 0;  // 0: there are none
  std::string reason;
};

// Read once: an administrator's setting.
const HugePages& hugePages() {
  static const HugePages found = [] {
    std::string enabled;
    std::size_t size = 0;
    std::getline(std::ifstream(kEnabledFile), enabled);
    std::ifstream(kSizeFile) >> size;
    if (enabled.empty() || size == 0) {
      return HugePages{0, "this system has no transparent huge pages"};
    }
    // The setting in force stands in brackets: "always [madvise] never".
    if (enabled.find("[never]") != std::string::npos) {
      return HugePages{0, "transparent huge pages are switched off (" + enabled + ")"};
    }
    return HugePages{size, ""};
  }();
  return found;
}

std::size_t roundUp(std::size_t bytes, std::size_t alignment) {
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  return (bytes + alignment - 1) / alignment * alignment;
}

std::uint8_t* map(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::uint8_t*>(memory);
}

// `bytes`, a multiple of the page size, at an address that is a multiple of `alignment`.
std::uint8_t* mapAligned(std::size_t bytes, std::size_t alignment) {
  const std::size_t whole = bytes + alignment;
  std::uint8_t* memory = map(whole);
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t before = (alignment - address % alignment) % alignment;
  const std::size_t after = whole - before - bytes;
  if (before > 0) ::munmap(memory, before);
  if (after > 0) ::munmap(memory + before + bytes, after);
  return memory + before;
}

}  // namespace

HostMapping::HostMapping(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  size_ = roundUp(bytes == 0 ? 1 : bytes, page);
  const HugePages& pages = hugePages();
  if (pages.size == 0) {
    plainReason_ = pages.reason;
  } else if (size_ < pages.size) {
    plainReason_ = "smaller than a huge page";
  }
  if (!plainReason_.empty()) {
    data_ = map(size_);
    return;
  }
  data_ = mapAligned(size_, pages.size);
#ifdef MADV_HUGEPAGE
  huge_ = ::madvise(data_, size_, MADV_HUGEPAGE) == 0;
  if (!huge_) plainReason_ = "no huge pages: " + std::generic_category().message(errno);
#else
  plainReason_ = "this system has no transparent huge pages";
#endif
}

HostMapping::~HostMapping() {
  ::munmap(data_, size_);
}

}  // namespace lungcls
