#include "engine/prefix_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace hearth::engine {
namespace {

// More files than this are not kept, however small they are.
constexpr size_t kMaxFiles = 65536;

constexpr std::string_view kSuffix = ".kv";
constexpr std::string_view kUnfinishedSuffix = ".kv.unfinished";

// What a file begins with; its content follows.
struct Header {
  char magic[8] = {'H', 'e', 'a', 'r', 't', 'h', 'K', '1'};
  uint32_t kind = 0;
  uint32_t reserved = 0;
  uint64_t bytes = 0;
  Sha256Digest text{};
  Sha256Digest checksum{};
};
static_assert(sizeof(Header) == 88);

// A descriptor that is closed again.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

  bool read_all(std::span<std::byte> into) const {
    while (!into.empty()) {
      const ssize_t n = ::read(fd_, into.data(), into.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      into = into.subspan(static_cast<size_t>(n));
    }
    return true;
  }
  bool write_all(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes = bytes.subspan(static_cast<size_t>(n));
    }
    return true;
  }

 private:
  int fd_;
};

std::string file_name(const StoredBlock& block) {
  return fmt::format("{}-{}{}", to_hex(block.text), block.kind, kSuffix);
}

// The block of a file with such a name; nullopt for anybody else's file.
std::optional<StoredBlock> block_of(std::string_view name) {
  StoredBlock block;
  for (std::byte& byte : block.text) {
    uint8_t value = 0;
    if (name.size() < 2 || std::from_chars(name.data(), name.data() + 2, value, 16).ptr != name.data() + 2) {
      return std::nullopt;
    }
    byte = std::byte{value};
    name.remove_prefix(2);
  }
  if (name.size() != 2 + kSuffix.size() || name[0] != '-' || name[1] < '0' || name[1] > '9')
    return std::nullopt;
  block.kind = name[1] - '0';
  if (name.substr(2) != kSuffix) return std::nullopt;
  return block;
}

tl::unexpected<Error> failed(const std::filesystem::path& folder, int code) {
  return fail(ErrorCategory::kIo, "{}: {}", folder.string(), std::strerror(code));
}

}  // namespace

Result<std::shared_ptr<PrefixStore>> PrefixStore::open(PrefixStoreOptions options) {
  std::shared_ptr<PrefixStore> store(new PrefixStore(std::move(options)));
  HEARTH_CHECK_OK(store->open_folder());
  store->thread_ = std::thread([raw = store.get()] { raw->run(); });
  return store;
}

PrefixStore::~PrefixStore() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (folder_ >= 0) ::close(folder_);
}

// Learns what is there, and removes what was never finished.
Status PrefixStore::open_folder() {
  const std::filesystem::path& path = options_.folder;
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return failed(path, error.value());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed(path, errno);
  folder_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) return failed(path, errno);
  DIR* listing = ::opendir(path.c_str());
  if (listing == nullptr) return failed(path, errno);
  struct Found {
    StoredBlock block;
    uint64_t bytes;
    timespec used;
  };
  std::vector<Found> found;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(kUnfinishedSuffix)) ::unlinkat(folder_, entry->d_name, 0);
    const auto block = block_of(name);
    struct stat info = {};
    if (!block || ::fstatat(folder_, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(info.st_mode)) found.push_back({*block, static_cast<uint64_t>(info.st_size), info.st_mtim});
  }
  ::closedir(listing);
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  for (const Found& file : found) remember(file.block, file.bytes, entries_.end());
  return {};
}

bool PrefixStore::contains(const StoredBlock& block) const {
  std::lock_guard lock(mutex_);
  return by_block_.contains(block);
}

void PrefixStore::touch(std::span<const StoredBlock> blocks) {
  std::lock_guard lock(mutex_);
  for (size_t i = blocks.size(); i > 0; --i) {
    const auto found = by_block_.find(blocks[i - 1]);
    if (found == by_block_.end()) continue;
    entries_.splice(entries_.end(), entries_, found->second);
    touched_.push_back(blocks[i - 1]);
  }
  wake_.notify_all();
}

PrefixStoreStats PrefixStore::stats() const {
  std::lock_guard lock(mutex_);
  PrefixStoreStats stats = stats_;
  stats.n_blocks = static_cast<int64_t>(entries_.size());
  return stats;
}

void PrefixStore::write(const StoredBlock& block, const std::optional<StoredBlock>& parent,
                        std::span<const std::byte> content, std::function<void()> done) {
  std::lock_guard lock(mutex_);
  writes_.push_back([this, block, parent, content, done = std::move(done)] {
    if (write_file(block, parent, content)) {
      std::lock_guard inner(mutex_);
      ++stats_.n_written;
    }
    done();
  });
  wake_.notify_all();
}

void PrefixStore::read(std::vector<Read> reads, std::function<void(std::vector<Read>)> done) {
  std::lock_guard lock(mutex_);
  reads_.push_back([this, reads = std::move(reads), done = std::move(done)]() mutable {
    std::vector<StoredBlock> good;
    for (Read& read : reads) {
      read.good = read_file(read);
      if (read.good) good.push_back(read.block);
    }
    touch(good);
    done(std::move(reads));
  });
  wake_.notify_all();
}

void PrefixStore::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !reads_.empty() || !writes_.empty() || !touched_.empty(); });
    auto& queue = reads_.empty() ? writes_ : reads_;
    if (!queue.empty()) {
      const auto work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      lock.lock();
    } else if (!touched_.empty()) {
      const auto touched = std::exchange(touched_, {});
      lock.unlock();
      for (const StoredBlock& block : touched) ::utimensat(folder_, file_name(block).c_str(), nullptr, 0);
      lock.lock();
    } else {
      return;
    }
  }
}

bool PrefixStore::read_file(const Read& read) {
  const std::string name = file_name(read.block);
  // O_NONBLOCK so that a FIFO ends in an error instead of a wait.
  const File file(::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  Header header;
  const bool good = file && file.read_all(std::as_writable_bytes(std::span(&header, 1))) &&
                    std::memcmp(header.magic, Header().magic, sizeof header.magic) == 0 &&
                    header.kind == static_cast<uint32_t>(read.block.kind) &&
                    header.bytes == read.into.size() && header.text == read.block.text &&
                    file.read_all(read.into) && sha256({read.into}) == header.checksum;
  std::lock_guard lock(mutex_);
  if (good) {
    ++stats_.n_read;
    return true;
  }
  ++stats_.n_damaged;
  ::unlinkat(folder_, name.c_str(), 0);
  forget(read.block);
  return false;
}

bool PrefixStore::write_file(const StoredBlock& block, const std::optional<StoredBlock>& parent,
                             std::span<const std::byte> content) {
  const uint64_t bytes = sizeof(Header) + content.size();
  if (contains(block) || !make_room(bytes, parent)) return false;
  Header header;
  header.kind = static_cast<uint32_t>(block.kind);
  header.bytes = content.size();
  header.text = block.text;
  header.checksum = sha256({content});
  const std::string name = file_name(block);
  const std::string unfinished = fmt::format("{}.{}{}", to_hex(block.text), ::getpid(), kUnfinishedSuffix);
  {
    const File file(
        ::openat(folder_, unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file || !file.write_all(std::as_bytes(std::span(&header, 1))) || !file.write_all(content)) {
      ::unlinkat(folder_, unfinished.c_str(), 0);
      return false;
    }
  }
  // Without fsync: what a power failure leaves half written, the checksum finds.
  if (::renameat(folder_, unfinished.c_str(), folder_, name.c_str()) != 0) {
    ::unlinkat(folder_, unfinished.c_str(), 0);
    return false;
  }
  std::lock_guard lock(mutex_);
  remember(block, bytes, parent ? by_block_.at(*parent) : entries_.end());
  return true;
}

// Removes what was used longest ago until so many bytes fit. False when they do not, or when there is no
// parent or it would have to go.
bool PrefixStore::make_room(uint64_t bytes, const std::optional<StoredBlock>& parent) {
  if (bytes > options_.max_bytes) return false;
  struct statvfs volume = {};
  if (::fstatvfs(folder_, &volume) != 0 ||
      static_cast<uint64_t>(volume.f_bavail) * volume.f_frsize < bytes + options_.min_free_bytes) {
    return false;
  }
  std::lock_guard lock(mutex_);
  if (parent && !by_block_.contains(*parent)) return false;
  while (!entries_.empty() && (stats_.bytes + bytes > options_.max_bytes || entries_.size() >= kMaxFiles)) {
    const StoredBlock oldest = entries_.front().block;
    if (parent == oldest) return false;
    ::unlinkat(folder_, file_name(oldest).c_str(), 0);
    forget(oldest);
    ++stats_.n_removed;
  }
  return true;
}

void PrefixStore::remember(const StoredBlock& block, uint64_t bytes, Entries::iterator before) {
  by_block_[block] = entries_.insert(before, {block, bytes});
  stats_.bytes += bytes;
}

void PrefixStore::forget(const StoredBlock& block) {
  const auto found = by_block_.find(block);
  if (found == by_block_.end()) return;
  stats_.bytes -= found->second->bytes;
  entries_.erase(found->second);
  by_block_.erase(found);
}

}  // namespace hearth::engine
