#include "store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hearth::store {
namespace {

tl::unexpected<Error> failed(const std::filesystem::path& path, int code) {
  return fail(ErrorCategory::kIo, "cannot lock {}: {}", path.string(), std::strerror(code));
}

// The descriptor, or -1 where others are in the way.
Result<int> lock(const std::filesystem::path& path, int operation) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return failed(path, errno);
  int result;
  do {
    result = flock(descriptor, operation);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return descriptor;
  const int code = errno;
  close(descriptor);
  if (code == EWOULDBLOCK) return -1;
  return failed(path, code);
}

int operation_of(FileLock::Kind kind) {
  return kind == FileLock::Kind::kShared ? LOCK_SH : LOCK_EX;
}

}  // namespace

Result<FileLock> FileLock::wait(const std::filesystem::path& path, Kind kind) {
  HEARTH_TRY(const int descriptor, lock(path, operation_of(kind)));
  return FileLock(descriptor);
}

Result<std::optional<FileLock>> FileLock::attempt(const std::filesystem::path& path, Kind kind) {
  HEARTH_TRY(const int descriptor, lock(path, operation_of(kind) | LOCK_NB));
  if (descriptor < 0) return std::optional<FileLock>();
  return std::optional<FileLock>(FileLock(descriptor));
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace hearth::store
