#include "gguf/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace hearth::gguf {
namespace {

constexpr size_t kGatherBytes = 1 << 20;

// 0 or an errno value.
int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), 1 << 30));
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return 0;
}

int sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int code = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return code;
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

Status check_room(const std::filesystem::path& output, uint64_t needed_bytes) {
  std::error_code error;
  const std::filesystem::path folder = directory_of(output);
  const auto space = std::filesystem::space(folder, error);
  if (error) return fail(ErrorCategory::kIo, "{}: {}", folder.string(), error.message());
  if (space.available < needed_bytes) {
    return fail(ErrorCategory::kIo, "{}: {:.2f} GB are needed and {:.2f} GB are free", output.string(),
                static_cast<double>(needed_bytes) / 1e9, static_cast<double>(space.available) / 1e9);
  }
  return {};
}

OutputFile::OutputFile(std::filesystem::path path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)),
      pending_(std::move(other.pending_)) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

tl::unexpected<Error> OutputFile::io_error(std::string_view doing, int code) const {
  if (code == ENOSPC || code == EDQUOT) {
    return fail(ErrorCategory::kIo, "{}: no space left on the disk", path_.string());
  }
  return fail(ErrorCategory::kIo, "{}: cannot {}: {}", path_.string(), doing, strerror(code));
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  std::string temporary = path.string() + ".part-XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return fail(ErrorCategory::kIo, "{}: cannot create: {}", path.string(), strerror(errno));
  return OutputFile(path, std::move(temporary), fd);
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  if (bytes.size() < kGatherBytes) {
    pending_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return pending_.size() < kGatherBytes ? Status{} : flush();
  }
  HEARTH_CHECK_OK(flush());
  if (const int code = write_all(fd_, bytes)) return io_error("write", code);
  return {};
}

Status OutputFile::flush() {
  const int code = write_all(fd_, std::as_bytes(std::span(pending_)));
  pending_.clear();
  if (code != 0) return io_error("write", code);
  return {};
}

Status OutputFile::commit() {
  HEARTH_CHECK_OK(flush());
  // mkostemp makes files for the owner alone; models are for whoever the umask lets read.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(fd_, 0666 & ~mask) != 0) return io_error("set the mode", errno);
  if (::fsync(fd_) != 0) return io_error("sync", errno);
  if (::close(std::exchange(fd_, -1)) != 0) return io_error("close", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error("rename the finished file", errno);
  temporary_.clear();
  if (const int code = sync_directory(directory_of(path_))) return io_error("sync the folder", code);
  return {};
}

}  // namespace hearth::gguf
