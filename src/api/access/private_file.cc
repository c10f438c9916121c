#include "api/access/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hearth::api {
namespace {

constexpr off_t kMaxFileBytes = 4 << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::optional<std::string>> read_private_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  // Non-blocking: a FIFO in its place must not hold us.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail(ErrorCategory::kIo, "cannot read {}: {}", name, std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    return fail(ErrorCategory::kIo, "cannot read {}: {}", name, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) return fail(ErrorCategory::kCorrupt, "{}: not a regular file", name);
  if (status.st_size > kMaxFileBytes) {
    return fail(ErrorCategory::kCorrupt, "{}: longer than {} bytes", name, kMaxFileBytes);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCategory::kCorrupt, "{}: other users may write it; run: chmod 600 '{}'", name, name);
  }
  std::string text;
  char block[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(file.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorCategory::kIo, "cannot read {}: {}", name, std::strerror(errno));
    if (n == 0) break;
    text.append(block, static_cast<size_t>(n));
    if (text.size() > static_cast<size_t>(kMaxFileBytes)) {
      return fail(ErrorCategory::kCorrupt, "{}: longer than {} bytes", name, kMaxFileBytes);
    }
  }
  return text;
}

}  // namespace hearth::api
