#include "registry/blob_download.h"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "net/http_client.h"
#include "registry/download_files.h"
#include "store/file_lock.h"

namespace hearth::registry {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRedirects = 10;

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
        notes_path_(fs::path(path_).concat(".parts")),
        notes_(layer.size, options.part_bytes),
        parts_(notes_.n_parts()) {}

  Status run() {
    std::error_code error;
    fs::create_directories(blobs_.folder(), error);
    if (error) {
      return fail(ErrorCategory::kIo, "cannot make {}: {}", blobs_.folder().string(), error.message());
    }
    HEARTH_TRY(const store::FileLock turn, wait_for_turn());
    if (blobs_.contains(layer_)) return {};  // somebody else was faster
    for (bool again : {true, false}) {
      HEARTH_CHECK_OK(open_files());
      const bool resumed = received_bytes() > 0;
      Result<Sha256Digest> digest = fetch_all();
      if (!digest) return propagate(std::move(digest).error());
      if ("sha256:" + to_hex(*digest) == layer_.digest) break;
      data_.close_and_remove();
      notes_.close_and_remove();
      // What an earlier attempt has left may have come from a server that lied, or been damaged since.
      if (!resumed || !again) {
        return fail(ErrorCategory::kCorrupt, "what came is not the blob {}: its digest is sha256:{}",
                    layer_.digest, to_hex(*digest));
      }
    }
    HEARTH_CHECK_OK(blobs_.publish_partial(layer_.digest));
    fs::remove(notes_path_, error);
    fs::remove(lock_path(), error);
    return {};
  }

 private:
  struct Part {
    std::atomic<uint64_t> received = 0;  // of its first bytes that are in the file
    bool done = false;                   // these two under mutex_ while threads work
    bool taken = false;
  };

  fs::path lock_path() const { return fs::path(path_).concat(".lock"); }

  bool cancelled() const { return options_.cancelled != nullptr && options_.cancelled->load(); }

  Result<store::FileLock> wait_for_turn() {
    for (;;) {
      HEARTH_TRY(auto turn, store::FileLock::attempt(lock_path(), store::FileLock::Kind::kExclusive));
      if (turn) return std::move(*turn);
      report(downloaded_bytes(blobs_, layer_));
      if (!sleep_unless(options_.cancelled, std::chrono::milliseconds(100))) {
        return fail(ErrorCategory::kCancelled, "the download was cancelled");
      }
    }
  }

  // The file at its full length, and the notes of what of it is there.
  Status open_files() {
    HEARTH_CHECK_OK(data_.open(path_));
    HEARTH_CHECK_OK(notes_.open(notes_path_));
    HEARTH_TRY(const uint64_t size, data_.size());
    std::optional<std::vector<uint64_t>> counts;
    if (size == layer_.size) counts = notes_.read();
    noted_ = counts.value_or(std::vector<uint64_t>(parts_.size(), 0));
    if (!counts) {  // also of another program, which counts parts in its own way
      HEARTH_CHECK_OK(notes_.clear());
      HEARTH_CHECK_OK(notes_.write(noted_));
      HEARTH_CHECK_OK(notes_.sync());  // before the bytes go that older ones may claim
      HEARTH_CHECK_OK(data_.resize(0));
      HEARTH_CHECK_OK(data_.resize(layer_.size));
    }
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].received = noted_[i];
      parts_[i].done = noted_[i] == notes_.part_size(i);
      parts_[i].taken = false;
    }
    report(received_bytes());
    return {};
  }

  // The bytes reach the disk before the notes do, which so never claim what a crash of the machine took away.
  // One thread at a time.
  Status save_notes() {
    std::vector<uint64_t> counts(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) counts[i] = parts_[i].received;
    if (counts == noted_) return {};
    HEARTH_CHECK_OK(data_.sync());
    HEARTH_CHECK_OK(notes_.write(counts));
    noted_ = std::move(counts);
    return {};
  }

  uint64_t received_bytes() const {
    uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.received;
    return sum;
  }

  // Never shows less than before, though what a server sent wrongly comes anew.
  void report(uint64_t done) {
    shown_bytes_ = std::max(shown_bytes_, done);
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
    try {
      for (size_t i = 0; i < n_threads; ++i) threads.emplace_back(&Download::work, this);
      threads.emplace_back(&Download::keep_notes, this);
    } catch (const std::system_error& error) {  // fewer will do; notes are taken at the end in any case
      if (threads.empty())
        return fail(ErrorCategory::kOverloaded, "no thread for the download: {}", error.what());
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
          report(received_bytes());
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
    report(received_bytes());
    Status noted = save_notes();
    if (error_) return propagate(std::move(*error_));
    HEARTH_CHECK_OK(std::move(read));
    HEARTH_CHECK_OK(std::move(noted));
    return hash.finish();
  }

  Status hash_part(size_t part, std::vector<std::byte>& buffer, Sha256& hash) const {
    uint64_t offset = part * options_.part_bytes;
    for (uint64_t left = notes_.part_size(part); left > 0;) {
      const auto piece =
          std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(left, buffer.size())));
      HEARTH_CHECK_OK(data_.read(piece, offset));
      hash.update(piece);
      offset += piece.size();
      left -= piece.size();
    }
    return {};
  }

  void keep_notes() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, options_.notes_every, [&] { return stop_ || error_.has_value(); })) {
      lock.unlock();
      Status noted = save_notes();
      lock.lock();
      if (!noted && !error_) error_ = std::move(noted).error();
    }
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
      std::lock_guard lock(mutex_);
      if (fetched) {
        parts_[part].done = true;
      } else if (!error_) {
        error_ = std::move(fetched).error();
      }
      changed_.notify_all();
    }
  }

  struct Attempt {
    bool may_help = false;               // to try again
    std::chrono::milliseconds pause{0};  // that the server asks for
    Error error;
  };

  Status fetch_with_patience(net::HttpClient& client, std::string& url, size_t part) {
    uint64_t most = parts_[part].received;
    for (int n = 1;; ++n) {
      std::optional<Attempt> failed = fetch(client, url, part);
      if (!failed) return {};
      if (parts_[part].received > most) {  // it gets on
        most = parts_[part].received;
        n = 1;
      }
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

  // Asks for what is missing of a part. nullopt: it is there.
  std::optional<Attempt> fetch(net::HttpClient& client, std::string& url, size_t part) {
    std::atomic<uint64_t>& received = parts_[part].received;
    const uint64_t before = received;
    const uint64_t first = part * options_.part_bytes;
    const uint64_t size = notes_.part_size(part);
    const uint64_t last = first + size - 1;
    const std::string range = fmt::format("bytes {}-{}/{}", first + before, last, layer_.size);
    bool begun = false;
    std::optional<Attempt> refused;
    net::HttpRequest request;
    request.cancelled = options_.cancelled;
    request.ca_file = source_.ca_file;
    request.stall_timeout = options_.stall_timeout;
    if (size < layer_.size || before > 0)
      request.headers.emplace_back("Range", fmt::format("bytes={}-{}", first + before, last));
    const auto failed = [](Error error, bool may_help, std::chrono::milliseconds pause = {}) {
      return Attempt{may_help, pause, std::move(error)};
    };
    request.sink = [&](const net::HttpReply& head, std::span<const std::byte> bytes) {
      if (halt_) return false;
      if (head.status != 200 && head.status != 206) return true;
      if (head.status == 200 && size < layer_.size) {
        refused = failed({ErrorCategory::kUnsupported, "the server cannot send parts of a file"}, false);
        return false;
      }
      if (head.status == 206 && head.header("content-range") != range) {
        refused =
            failed({ErrorCategory::kCorrupt, fmt::format("the server says it sends \"{}\" of {}, not \"{}\"",
                                                         head.header("content-range"), layer_.digest, range)},
                   true);
        return false;
      }
      // 200: all of it comes, also where only its end was asked for.
      if (!std::exchange(begun, true) && head.status == 200) received = 0;
      if (bytes.size() > size - received) {
        received = head.status == 200 ? 0 : before;
        refused = failed({ErrorCategory::kCorrupt,
                          fmt::format("the server sends more than it was asked for of {}", layer_.digest)},
                         true);
        return false;
      }
      if (Status written = data_.write(bytes, first + received); !written) {
        refused = failed(std::move(written).error(), false);
        return false;
      }
      received += bytes.size();
      return true;
    };
    const size_t n_headers = request.headers.size();

    bool renewed = false;
    for (int n_redirects = 0;; ++n_redirects) {
      request.url = url;
      request.allow_private_addresses = source_.allow_private_addresses && same_host(url, source_.url);
      request.headers.resize(n_headers);
      const bool first_server = url == source_.url && source_.authorization != nullptr;
      const std::string authorization = first_server ? source_.authorization->header() : "";
      if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
      Result<net::HttpReply> reply = client.send(request);
      if (refused) return refused;
      if (received == size) return std::nullopt;
      if (!reply) return failed(std::move(reply).error(), reply.error().category == ErrorCategory::kIo);
      if (reply->status == 200 || reply->status == 206) {
        const uint64_t there = first + received;
        if (reply->status == 200) received = 0;  // the server has no more: this is not the blob
        return failed({ErrorCategory::kCorrupt, fmt::format("the server has {} bytes of {}, which has {}",
                                                            there, layer_.digest, layer_.size)},
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
  const fs::path notes_path_;
  DownloadFile data_;
  DownloadNotes notes_;
  std::vector<uint64_t> noted_;  // what the notes say

  std::atomic<bool> halt_ = false;  // stop_, for those who do not hold the mutex
  uint64_t shown_bytes_ = 0;        // of the thread that reports

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Part> parts_;
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
