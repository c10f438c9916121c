#include "registry/download_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace hearth::registry {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeadBytes = 64;

tl::unexpected<Error> disk_error(const fs::path& path, int code) {
  return fail(ErrorCategory::kIo, "cannot write {}: {}; what has come is kept", path.string(),
              std::strerror(code));
}

// Text that says which blob and which parts notes are of.
std::string head_of_counts(uint64_t total_bytes, uint64_t part_bytes) {
  return fmt::format("{:<{}}\n", fmt::format("{} {} bytes of parts", total_bytes, part_bytes),
                     kHeadBytes - 1);
}

std::string head_of_marks(uint64_t total_bytes, uint64_t part_bytes) {
  return fmt::format("{} {}\n", total_bytes, part_bytes);
}

}  // namespace

DownloadFile::~DownloadFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status DownloadFile::open(fs::path path) {
  path_ = std::move(path);
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) return disk_error(path_, errno);
  return {};
}

Result<uint64_t> DownloadFile::size() const {
  struct stat state {};
  if (fstat(descriptor_, &state) != 0) return disk_error(path_, errno);
  return static_cast<uint64_t>(state.st_size);
}

Status DownloadFile::resize(uint64_t size) {
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return disk_error(path_, errno);
  return {};
}

Status DownloadFile::write(std::span<const std::byte> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Status DownloadFile::read(std::span<std::byte> space, uint64_t offset) const {
  while (!space.empty()) {
    const ssize_t n = pread(descriptor_, space.data(), space.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return fail(ErrorCategory::kIo, "cannot read {}: {}", path_.string(),
                  n < 0 ? std::strerror(errno) : "it has become shorter");
    }
    space = space.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Status DownloadFile::sync() {
  if (fsync(descriptor_) != 0) return disk_error(path_, errno);
  return {};
}

void DownloadFile::close_and_remove() {
  close(std::exchange(descriptor_, -1));
  std::error_code error;
  fs::remove(path_, error);
}

uint64_t DownloadNotes::part_size(size_t part) const {
  return std::min(part_bytes_, total_bytes_ - part * part_bytes_);
}

std::optional<std::vector<uint64_t>> DownloadNotes::read() const {
  const Result<uint64_t> size = file_.size();
  const std::string head = head_of_counts(total_bytes_, part_bytes_);
  const std::string old_head = head_of_marks(total_bytes_, part_bytes_);
  std::vector<uint64_t> counts(n_parts());
  const bool old = size && *size == old_head.size() + counts.size();
  if (!old && (!size || *size != head.size() + counts.size() * sizeof(uint64_t))) return std::nullopt;
  std::string text(*size, '\0');
  if (!file_.read(std::as_writable_bytes(std::span(text)), 0)) return std::nullopt;
  if (!text.starts_with(old ? old_head : head)) return std::nullopt;
  if (!old) std::memcpy(counts.data(), text.data() + head.size(), counts.size() * sizeof(uint64_t));
  for (size_t part = 0; part < counts.size(); ++part) {
    if (old) counts[part] = text[old_head.size() + part] == 1 ? part_size(part) : 0;
    if (counts[part] > part_size(part)) return std::nullopt;
  }
  return counts;
}

Status DownloadNotes::write(std::span<const uint64_t> counts) {
  const std::string head = head_of_counts(total_bytes_, part_bytes_);
  std::vector<std::byte> bytes(head.size() + counts.size_bytes());
  std::memcpy(bytes.data(), head.data(), head.size());
  if (!counts.empty()) std::memcpy(bytes.data() + head.size(), counts.data(), counts.size_bytes());
  return file_.write(bytes, 0);
}

}  // namespace hearth::registry
