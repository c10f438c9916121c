#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace hearth {
namespace {

tl::unexpected<Error> failed(const std::filesystem::path& path, int code) {
  return fail(ErrorCategory::kIo, "cannot write {}: {}", path.string(), std::strerror(code));
}

// A file that is removed again unless it was renamed into place.
class Draft {
 public:
  explicit Draft(const std::filesystem::path& target) : name_(target.string() + ".XXXXXX") {
    fd_ = mkostemp(name_.data(), O_CLOEXEC);  // readable by the owner only
  }
  ~Draft() {
    if (fd_ < 0) return;
    close(fd_);
    if (!kept_) unlink(name_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  bool write_all(std::string_view bytes) const {
    if (fd_ < 0) return false;
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return fsync(fd_) == 0;
  }

  bool rename_to(const std::filesystem::path& target) {
    kept_ = rename(name_.c_str(), target.c_str()) == 0;
    return kept_;
  }

 private:
  std::string name_;
  int fd_ = -1;
  bool kept_ = false;
};

}  // namespace

Status write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return failed(path, error.value());

  Draft draft(path);
  if (!draft.write_all(bytes) || !draft.rename_to(path)) return failed(path, errno);

  const int dir = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return failed(path, errno);
  const bool synced = fsync(dir) == 0;
  const int code = errno;
  close(dir);
  if (!synced) return failed(path, code);
  return {};
}

}  // namespace hearth
