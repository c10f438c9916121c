// One blob from a server into the store: in parts at once, each asked for again when it is cut off, going on
// where an earlier attempt ended, checked against its digest before it gets its name.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/blob_store.h"
#include "store/manifest.h"

namespace hearth::registry {

struct DownloadSource {
  std::string url;            // of the server asked first; redirects are followed without `authorization`
  std::string authorization;  // value of the header, or empty
  bool allow_private_addresses = false;  // of that server's host; redirects elsewhere stay on the internet
};

struct DownloadOptions {
  int n_connections = 4;
  uint64_t part_bytes = uint64_t{16} << 20;
  int n_attempts = 6;                            // of a part
  std::chrono::milliseconds first_pause{1'000};  // before the second attempt; doubles with each
  std::chrono::seconds stall_timeout{30};
  const std::atomic<bool>* cancelled = nullptr;
  std::function<void(uint64_t done)> report{};  // bytes of the blob that are there; never less than before
};

// Blocks. What has come is kept for the next attempt. If another process downloads the same blob, waits for
// it. Errors: kCancelled; kIo, kOverloaded, kNotFound of the server after all attempts; kIo of the disk;
// kCorrupt where length or digest are not what `layer` says, of which nothing is kept.
Status download_blob(const store::BlobStore& blobs, const store::Layer& layer, const DownloadSource& source,
                     const DownloadOptions& options);

// Bytes of it that an earlier attempt has left.
uint64_t downloaded_bytes(const store::BlobStore& blobs, const store::Layer& layer);

}  // namespace hearth::registry
