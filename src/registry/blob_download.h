// One blob from a server into the store: in parts at once, each asked for again when it is cut off, going on
// where an earlier attempt ended, checked against its digest before it gets its name.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "registry/authorization.h"
#include "registry/retries.h"
#include "store/blob_store.h"
#include "store/manifest.h"

namespace hearth::registry {

struct DownloadSource {
  std::string url;  // of the server asked first; redirects are followed without `authorization`
  std::shared_ptr<Authorization> authorization{};  // or nullptr
  bool allow_private_addresses = false;  // of that server's host; redirects elsewhere stay on the internet
  std::string ca_file{};                 // as in net::HttpRequest
};

struct DownloadOptions {
  int n_connections = 4;
  uint64_t part_bytes = uint64_t{16} << 20;
  Retries retries{.n_attempts = 6, .first_pause = std::chrono::milliseconds(1'000)};  // without a byte
  std::chrono::seconds stall_timeout{30};
  std::chrono::milliseconds notes_every{1'000};  // what a kill may lose at most
  const std::atomic<bool>* cancelled = nullptr;
  std::function<void(uint64_t done)> report{};  // bytes of the blob that are there; never less than before
};

// Blocks. What has come is kept for the next attempt, to the byte; where the process is killed, to what had
// come by the last notes. While somebody else downloads the same blob, waits for it and reports how far that
// is. Errors: kCancelled; kIo, kOverloaded, kNotFound of the server after all attempts, kCorrupt where it
// keeps sending other bytes than were asked for; kIo of the disk; kCorrupt where the digest is not what
// `layer` says, of which nothing is kept.
Status download_blob(const store::BlobStore& blobs, const store::Layer& layer, const DownloadSource& source,
                     const DownloadOptions& options);

// Bytes of it that an earlier attempt has left.
uint64_t downloaded_bytes(const store::BlobStore& blobs, const store::Layer& layer);

}  // namespace hearth::registry
