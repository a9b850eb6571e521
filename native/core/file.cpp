#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lungcls {
namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

}  // namespace

Outcome File::open(const std::string& path) {
  close();
  // O_NONBLOCK: opening a named pipe must not wait for a writer; it is refused below.
  do {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {Status::NotFound, "No such file"};
    return {Status::Unreadable, "Cannot open the file: " + reason(errno)};
  }
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0) {
    return {Status::Unreadable, "Cannot examine the file: " + reason(errno)};
  }
  if (!S_ISREG(facts.st_mode)) return {Status::Unreadable, "Not a regular file"};
  size_ = static_cast<std::uint64_t>(facts.st_size);
  return {};
}

void File::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  size_ = 0;
}

Outcome File::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return {Status::Unreadable, "Cannot read the file: " + reason(errno)};
    }
    if (got == 0) return {Status::Unreadable, "The file ends before it should"};
    done += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace lungcls
