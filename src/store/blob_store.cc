#include "store/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

// A server with the same store may run as somebody else.
constexpr fs::perms kBlobRights =
    fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read;
constexpr size_t kPieceBytes = size_t{4} << 20;

tl::unexpected<Error> failed(const fs::path& path, int code) {
  return fail(ErrorCategory::kIo, "cannot write {}: {}", path.string(), std::strerror(code));
}

Status sync(const fs::path& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) return failed(path, errno);
  const int result = fsync(descriptor);
  const int code = errno;
  close(descriptor);
  if (result != 0) return failed(path, code);
  return {};
}

Status sync_file(const fs::path& file) {
  return sync(file, O_RDWR);
}

Status sync_folder(const fs::path& folder) {
  return sync(folder, O_RDONLY | O_DIRECTORY);
}

Status rename_blob(const fs::path& from, const fs::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return failed(to, errno);
  return sync_folder(to.parent_path());
}

// Gives a file without a name its first one. Where there is a blob of that name, it has the same bytes.
Status name_file(int descriptor, const fs::path& to) {
  const std::string from = fmt::format("/proc/self/fd/{}", descriptor);
  if (linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST) {
    return failed(to, errno);
  }
  return sync_folder(to.parent_path());
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

BlobWriter::BlobWriter(BlobWriter&& other) noexcept
    : folder_(std::move(other.folder_)),
      path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      hash_(std::move(other.hash_)) {}

BlobWriter::~BlobWriter() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  if (!path_.empty()) unlink(path_.c_str());
}

Status BlobWriter::write(std::span<const std::byte> bytes) {
  hash_.update(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(folder_, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<Layer> BlobWriter::finish(std::string_view media_type, std::string_view expected) {
  if (fsync(descriptor_) != 0) return failed(folder_, errno);
  Layer layer{std::string(media_type), "sha256:" + to_hex(hash_.finish()), size_};
  if (!expected.empty() && expected != layer.digest) {
    return fail(ErrorCategory::kInvalidArgument, "digest mismatch: expected {}, got {}", expected,
                layer.digest);
  }
  const fs::path target = BlobStore(folder_).path_of(layer.digest);
  if (path_.empty()) {
    HEARTH_CHECK_OK(name_file(descriptor_, target));
  } else {
    HEARTH_CHECK_OK(rename_blob(path_, target));
  }
  close(std::exchange(descriptor_, -1));
  return layer;
}

fs::path BlobStore::path_of(std::string_view digest) const {
  std::string name(digest);
  if (const size_t colon = name.find(':'); colon != std::string::npos) name[colon] = '-';
  return folder_ / name;
}

fs::path BlobStore::partial_path_of(std::string_view digest) const {
  return path_of(digest).concat("-partial");
}

bool BlobStore::contains(const Layer& layer) const {
  std::error_code error;
  const uint64_t size = fs::file_size(path_of(layer.digest), error);
  return !error && size == layer.size;
}

Result<BlobWriter> BlobStore::begin() const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return failed(folder_, error.value());
  const int nameless =
      open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, static_cast<mode_t>(kBlobRights));
  if (nameless >= 0) return BlobWriter(folder_, {}, nameless);
  // Not every file system has files without a name.
  std::string name = (folder_ / kDraft).string() + "XXXXXX";
  const int descriptor = mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) return failed(name, errno);
  fchmod(descriptor, static_cast<mode_t>(kBlobRights));
  return BlobWriter(folder_, name, descriptor);
}

Result<Layer> BlobStore::add(std::string_view media_type, std::string_view bytes) const {
  HEARTH_TRY(BlobWriter writer, begin());
  HEARTH_CHECK_OK(writer.write(bytes_of(bytes)));
  return writer.finish(media_type);
}

Result<Layer> BlobStore::adopt(const fs::path& draft, std::string_view media_type,
                               const std::function<Status(uint64_t, uint64_t)>& on_progress) const {
  std::error_code error;
  const uint64_t total = fs::file_size(draft, error);
  std::ifstream stream(draft, std::ios::binary);
  if (!stream || error) return fail(ErrorCategory::kIo, "cannot read {}", draft.string());
  Sha256 hash;
  std::vector<char> piece(kPieceBytes);
  uint64_t done = 0;
  while (stream.read(piece.data(), static_cast<std::streamsize>(piece.size())) || stream.gcount() > 0) {
    const auto n = static_cast<size_t>(stream.gcount());
    hash.update(std::as_bytes(std::span(piece).first(n)));
    done += n;
    HEARTH_CHECK_OK(on_progress(done, total));
  }
  if (stream.bad() || done != total) return fail(ErrorCategory::kIo, "cannot read {}", draft.string());
  Layer layer{std::string(media_type), "sha256:" + to_hex(hash.finish()), total};
  HEARTH_CHECK_OK(sync_file(draft));
  fs::permissions(draft, kBlobRights, error);
  HEARTH_CHECK_OK(rename_blob(draft, path_of(layer.digest)));
  return layer;
}

Status BlobStore::publish_partial(std::string_view digest) const {
  const fs::path partial = partial_path_of(digest);
  HEARTH_CHECK_OK(sync_file(partial));
  return rename_blob(partial, path_of(digest));
}

Result<std::string> BlobStore::read(const Layer& layer, size_t most_bytes) const {
  const fs::path path = path_of(layer.digest);
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorCategory::kNotFound, "the blob {} is missing", layer.digest);
  std::string bytes(most_bytes + 1, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad()) return fail(ErrorCategory::kIo, "cannot read {}", path.string());
  bytes.resize(static_cast<size_t>(stream.gcount()));
  if (bytes.size() > most_bytes) {
    return fail(ErrorCategory::kCorrupt, "the blob {} has more than {} bytes", layer.digest, most_bytes);
  }
  if ("sha256:" + to_hex(sha256({bytes_of(bytes)})) != layer.digest) {
    return fail(ErrorCategory::kCorrupt, "the blob {} is not what its digest says", layer.digest);
  }
  return bytes;
}

}  // namespace hearth::store
