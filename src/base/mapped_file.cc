#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "base/platform/mapping_guard.h"

namespace hearth {

struct MappedFile::State {
  std::filesystem::path path;
  void* address = nullptr;
  size_t length = 0;
  std::atomic<bool> damaged{false};

  ~State() {
    if (address == nullptr) return;
    platform::release_mapping(address);
    munmap(address, length);
  }
};

MappedFile::MappedFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
MappedFile::MappedFile(MappedFile&&) noexcept = default;
MappedFile& MappedFile::operator=(MappedFile&&) noexcept = default;
MappedFile::~MappedFile() = default;

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK so that a FIFO ends in an error instead of a wait.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int code = errno;
    const bool missing = code == ENOENT || code == ENOTDIR;
    return fail(missing ? ErrorCategory::kNotFound : ErrorCategory::kIo, "{}: {}", path.string(),
                strerror(code));
  }
  struct stat info = {};
  if (fstat(fd, &info) != 0) {
    const int code = errno;
    ::close(fd);
    return fail(ErrorCategory::kIo, "{}: {}", path.string(), strerror(code));
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return fail(ErrorCategory::kInvalidArgument, "{}: not a regular file", path.string());
  }
  auto state = std::make_unique<State>();
  state->path = path;
  state->length = static_cast<size_t>(info.st_size);
  if (state->length > 0) {
    void* address = mmap(nullptr, state->length, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) {
      const int code = errno;
      ::close(fd);
      return fail(ErrorCategory::kIo, "{}: cannot map {} bytes: {}", path.string(), state->length,
                  strerror(code));
    }
    state->address = address;
    platform::guard_mapping(address, state->length, &state->damaged);
  }
  ::close(fd);
  return MappedFile(std::move(state));
}

std::span<const std::byte> MappedFile::bytes() const {
  return {static_cast<const std::byte*>(state_->address), state_->length};
}

const std::filesystem::path& MappedFile::path() const {
  return state_->path;
}

bool MappedFile::damaged() const {
  return state_->damaged.load(std::memory_order_acquire);
}

void MappedFile::populate(size_t offset, size_t length) const {
  if (offset >= state_->length) return;
  length = std::min(length, state_->length - offset);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = offset & ~(page - 1);
  char* address = static_cast<char*>(state_->address) + begin;
  length += offset - begin;
#ifdef MADV_POPULATE_READ
  if (madvise(address, length, MADV_POPULATE_READ) == 0) return;
#endif
  madvise(address, length, MADV_WILLNEED);
  volatile char sink = 0;
  for (size_t i = 0; i < length; i += page) sink = address[i];
  (void)sink;
}

}  // namespace hearth
