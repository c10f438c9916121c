#include "registry/blob_download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "net/http_client.h"
#include "store/file_lock.h"

namespace hearth::registry {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRedirects = 10;

struct File {
  int descriptor = -1;
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
};

tl::unexpected<Error> disk_error(const fs::path& path, int code) {
  return fail(ErrorCategory::kIo, "cannot write {}: {}; what has come is kept", path.string(),
              std::strerror(code));
}

Status write_at(int descriptor, const fs::path& path, std::span<const std::byte> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(path, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

// A neighbour that is allowed may send its callers to other ports of its own, not to further neighbours.
bool same_host(const std::string& a, const std::string& b) {
  const auto left = net::Url::parse(a), right = net::Url::parse(b);
  return left && right && left->host == right->host;
}

class Download {
 public:
  Download(const store::BlobStore& blobs, const store::Layer& layer, const DownloadSource& source,
           const DownloadOptions& options)
      : blobs_(blobs),
        layer_(layer),
        source_(source),
        options_(options),
        path_(blobs.partial_path_of(layer.digest)),
        marks_path_(fs::path(path_).concat(".parts")),
        parts_((layer.size + options.part_bytes - 1) / options.part_bytes) {}

  Status run() {
    std::error_code error;
    fs::create_directories(blobs_.folder(), error);
    if (error) return disk_error(blobs_.folder(), error.value());
    HEARTH_TRY(const store::FileLock turn, wait_for_turn());
    if (blobs_.contains(layer_)) return {};  // somebody else was faster
    for (bool again : {true, false}) {
      HEARTH_CHECK_OK(open_files());
      const bool resumed =
          std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.done; });
      Result<Sha256Digest> digest = fetch_all();
      if (!digest) return propagate(std::move(digest).error());
      if ("sha256:" + to_hex(*digest) == layer_.digest) break;
      remove_files();
      // After a power cut, parts may be marked that never reached the disk.
      if (!resumed || !again) {
        return fail(ErrorCategory::kCorrupt, "what came is not the blob {}: its digest is sha256:{}",
                    layer_.digest, to_hex(*digest));
      }
    }
    HEARTH_CHECK_OK(blobs_.publish_partial(layer_.digest));
    fs::remove(marks_path_, error);
    fs::remove(lock_path(), error);
    return {};
  }

 private:
  struct Part {
    bool done = false;
    bool taken = false;
  };

  fs::path lock_path() const { return fs::path(path_).concat(".lock"); }

  bool cancelled() const { return options_.cancelled != nullptr && options_.cancelled->load(); }

  Result<store::FileLock> wait_for_turn() {
    for (;;) {
      HEARTH_TRY(auto turn, store::FileLock::attempt(lock_path(), store::FileLock::Kind::kExclusive));
      if (turn) return std::move(*turn);
      done_bytes_ = downloaded_bytes(blobs_, layer_);
      report();
      if (!sleep_unless(options_.cancelled, std::chrono::milliseconds(100))) {
        return fail(ErrorCategory::kCancelled, "the download was cancelled");
      }
    }
  }

  // The file at its full length, and a byte for each part: 1 = it is there.
  Status open_files() {
    data_.descriptor = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (data_.descriptor < 0) return disk_error(path_, errno);
    marks_.descriptor = open(marks_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (marks_.descriptor < 0) return disk_error(marks_path_, errno);
    const std::string head = fmt::format("{} {}\n", layer_.size, options_.part_bytes);
    marks_offset_ = head.size();
    std::string known(head.size() + parts_.size(), '\0');
    const ssize_t n = pread(marks_.descriptor, known.data(), known.size(), 0);
    struct stat state {};
    const bool whole =
        fstat(data_.descriptor, &state) == 0 && static_cast<uint64_t>(state.st_size) == layer_.size;
    const bool usable = whole && n == static_cast<ssize_t>(known.size()) && known.starts_with(head);
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i] = {usable && known[head.size() + i] == 1, false};
    if (!usable) {  // also of another program, which counts parts in its own way
      if (ftruncate(marks_.descriptor, 0) != 0 || ftruncate(data_.descriptor, 0) != 0 ||
          ftruncate(data_.descriptor, static_cast<off_t>(layer_.size)) != 0) {
        return disk_error(path_, errno);
      }
      std::string fresh = head + std::string(parts_.size(), '\0');
      HEARTH_CHECK_OK(write_at(marks_.descriptor, marks_path_, std::as_bytes(std::span(fresh)), 0));
    }
    done_bytes_ = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].done) done_bytes_ += part_size(i);
    }
    report();
    return {};
  }

  void remove_files() {
    std::error_code error;
    for (File* file : {&data_, &marks_}) {
      close(file->descriptor);
      file->descriptor = -1;
    }
    fs::remove(path_, error);
    fs::remove(marks_path_, error);
  }

  uint64_t part_size(size_t part) const {
    return std::min(options_.part_bytes, layer_.size - part * options_.part_bytes);
  }

  // Never shows less than before, though a part that was cut off comes anew.
  void report() {
    shown_bytes_ = std::max(shown_bytes_, done_bytes_.load());
    if (options_.report) options_.report(shown_bytes_);
  }

  // Downloads on some threads; hashes on this one, in the order of the file.
  Result<Sha256Digest> fetch_all() {
    error_.reset();
    stop_ = false;
    halt_ = false;
    std::vector<std::thread> threads;
    const size_t n_threads =
        std::min<size_t>(static_cast<size_t>(options_.n_connections), std::max<size_t>(parts_.size(), 1));
    for (size_t i = 0; i < n_threads; ++i) {
      try {
        threads.emplace_back([this] { work(); });
      } catch (const std::system_error& error) {  // fewer will do
        if (threads.empty())
          return fail(ErrorCategory::kOverloaded, "no thread for the download: {}", error.what());
        break;
      }
    }

    Sha256 hash;
    std::vector<std::byte> buffer(size_t{1} << 20);
    Status read;
    for (size_t part = 0; part < parts_.size() && read; ++part) {
      {
        std::unique_lock lock(mutex_);
        while (!parts_[part].done && !error_) {
          changed_.wait_for(lock, std::chrono::milliseconds(100));
          if (cancelled() && !error_) error_ = Error{ErrorCategory::kCancelled, "the download was cancelled"};
          report();
        }
        if (error_) break;
      }
      read = hash_part(part, buffer, hash);
    }
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
      halt_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads) thread.join();
    report();
    if (error_) return propagate(std::move(*error_));
    HEARTH_CHECK_OK(std::move(read));
    return hash.finish();
  }

  Status hash_part(size_t part, std::vector<std::byte>& buffer, Sha256& hash) const {
    uint64_t offset = part * options_.part_bytes;
    for (uint64_t left = part_size(part); left > 0;) {
      const size_t wanted = static_cast<size_t>(std::min<uint64_t>(left, buffer.size()));
      const ssize_t n = pread(data_.descriptor, buffer.data(), wanted, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail(ErrorCategory::kIo, "cannot read {}: {}", path_.string(), std::strerror(errno));
      hash.update(std::span(buffer.data(), static_cast<size_t>(n)));
      offset += static_cast<uint64_t>(n);
      left -= static_cast<uint64_t>(n);
    }
    return {};
  }

  void work() {
    net::HttpClient client;
    std::string url = source_.url;
    for (;;) {
      size_t part = parts_.size();
      {
        std::lock_guard lock(mutex_);
        if (stop_ || error_) return;
        for (size_t i = 0; i < parts_.size() && part == parts_.size(); ++i) {
          if (!parts_[i].done && !parts_[i].taken) part = i;
        }
        if (part == parts_.size()) return;
        parts_[part].taken = true;
      }
      Status fetched = fetch_with_patience(client, url, part);
      if (fetched) fetched = mark(part);
      std::lock_guard lock(mutex_);
      if (fetched) {
        parts_[part].done = true;
      } else if (!error_) {
        error_ = std::move(fetched).error();
      }
      changed_.notify_all();
    }
  }

  Status mark(size_t part) {
    const std::byte there{1};
    return write_at(marks_.descriptor, marks_path_, std::span(&there, 1), marks_offset_ + part);
  }

  struct Attempt {
    bool may_help = false;               // to try again
    std::chrono::milliseconds pause{0};  // that the server asks for
    Error error;
  };

  Status fetch_with_patience(net::HttpClient& client, std::string& url, size_t part) {
    for (int n = 1;; ++n) {
      std::optional<Attempt> failed = fetch(client, url, part);
      if (!failed) return {};
      const auto pause = options_.retries.pause_after(n, failed->pause);
      if (!failed->may_help || !pause) return propagate(std::move(failed->error));
      url = source_.url;  // where it leads to may have run out
      if (!sleep(*pause)) return fail(ErrorCategory::kCancelled, "the download was cancelled");
    }
  }

  bool sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
      if (stop_ || error_ || cancelled()) return false;
      changed_.wait_for(lock, std::min<std::chrono::milliseconds>(time, std::chrono::milliseconds(100)));
    }
    return true;
  }

  // nullopt: the part is there.
  std::optional<Attempt> fetch(net::HttpClient& client, std::string& url, size_t part) {
    const uint64_t first = part * options_.part_bytes;
    const uint64_t size = part_size(part);
    uint64_t received = 0;
    bool too_long = false, no_parts = false;
    Status written;
    net::HttpRequest request;
    request.cancelled = options_.cancelled;
    request.ca_file = source_.ca_file;
    request.stall_timeout = options_.stall_timeout;
    if (size < layer_.size)
      request.headers.emplace_back("Range", fmt::format("bytes={}-{}", first, first + size - 1));
    request.sink = [&](int status, std::span<const std::byte> bytes) {
      if (halt_) return false;
      no_parts = status == 200 && size < layer_.size;
      too_long = bytes.size() > size - received;
      if (no_parts || too_long) return false;
      written = write_at(data_.descriptor, path_, bytes, first + received);
      if (!written) return false;
      received += bytes.size();
      done_bytes_ += bytes.size();
      return true;
    };
    const size_t n_headers = request.headers.size();

    const auto failed = [&](Error error, bool may_help, std::chrono::milliseconds pause = {}) {
      done_bytes_ -= received;
      return Attempt{may_help, pause, std::move(error)};
    };
    bool renewed = false;
    for (int n_redirects = 0;; ++n_redirects) {
      request.url = url;
      request.allow_private_addresses = source_.allow_private_addresses && same_host(url, source_.url);
      request.headers.resize(n_headers);
      const bool first_server = url == source_.url && source_.authorization != nullptr;
      const std::string authorization = first_server ? source_.authorization->header() : "";
      if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
      Result<net::HttpReply> reply = client.send(request);
      if (!written) return failed(std::move(written).error(), false);
      if (no_parts) {
        return failed({ErrorCategory::kUnsupported, "the server cannot send parts of a file"}, false);
      }
      if (too_long) {
        return failed({ErrorCategory::kCorrupt,
                       fmt::format("the server sends more than it was asked for of {}", layer_.digest)},
                      true);
      }
      if (!reply) return failed(std::move(reply).error(), reply.error().category == ErrorCategory::kIo);
      if (reply->status == 200 || reply->status == 206) {
        const std::string range = fmt::format("bytes {}-{}/{}", first, first + size - 1, layer_.size);
        if (reply->status == 206 && reply->header("content-range") != range) {
          return failed(
              {ErrorCategory::kCorrupt, fmt::format("the server says it sends \"{}\" of {}, not \"{}\"",
                                                    reply->header("content-range"), layer_.digest, range)},
              true);
        }
        if (received == size) return std::nullopt;
        return failed({ErrorCategory::kCorrupt, fmt::format("the server has {} bytes of {}, which has {}",
                                                            first + received, layer_.digest, layer_.size)},
                      true);
      }
      if (reply->status >= 301 && reply->status <= 308 && !reply->header("location").empty()) {
        if (n_redirects == kMaxRedirects) {
          return failed({ErrorCategory::kIo, fmt::format("{} leads in circles", source_.url)}, false);
        }
        Result<std::string> target = net::Url::resolve(url, std::string(reply->header("location")));
        if (!target) return failed(std::move(target).error(), false);
        if (url.starts_with("https://") && !target->starts_with("https://")) {
          return failed(
              {ErrorCategory::kInvalidArgument, fmt::format("{} leads to a place without TLS", source_.url)},
              false);
        }
        url = std::move(*target);
        continue;
      }
      // A long download outlives its token.
      if (reply->status == 401 && first_server && !std::exchange(renewed, true)) {
        const auto fresh = source_.authorization->renew(authorization, reply->header("www-authenticate"));
        if (!fresh) return failed(fresh.error(), false);
        if (*fresh) continue;
      }
      // A link that a server has led to may have run out.
      const bool link =
          url != source_.url && (reply->status == 401 || reply->status == 403 || reply->status == 410);
      return failed(registry_error(*reply, layer_.digest), is_passing(reply->status) || link,
                    asked_pause(*reply));
    }
  }

  const store::BlobStore& blobs_;
  const store::Layer& layer_;
  const DownloadSource& source_;
  const DownloadOptions& options_;
  const fs::path path_;
  const fs::path marks_path_;
  File data_;
  File marks_;
  size_t marks_offset_ = 0;

  std::atomic<uint64_t> done_bytes_ = 0;
  std::atomic<bool> halt_ = false;  // stop_, for those who do not hold the mutex
  uint64_t shown_bytes_ = 0;        // of the thread that reports

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Part> parts_;  // under mutex_ while threads work
  std::optional<Error> error_;
  bool stop_ = false;
};

}  // namespace

Status download_blob(const store::BlobStore& blobs, const store::Layer& layer, const DownloadSource& source,
                     const DownloadOptions& options) {
  Download download(blobs, layer, source, options);
  Status done = download.run();
  if (!done && done.error().category == ErrorCategory::kUnsupported && options.part_bytes < layer.size) {
    // Without parts: all in one, which cannot go on later.
    DownloadOptions whole = options;
    whole.part_bytes = layer.size;
    return Download(blobs, layer, source, whole).run();
  }
  return done;
}

uint64_t downloaded_bytes(const store::BlobStore& blobs, const store::Layer& layer) {
  struct stat state {};
  if (stat(blobs.partial_path_of(layer.digest).c_str(), &state) != 0) return 0;
  return std::min<uint64_t>(layer.size, static_cast<uint64_t>(state.st_blocks) * 512);
}

}  // namespace hearth::registry
