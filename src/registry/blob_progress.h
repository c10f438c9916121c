// Tells how far a transfer is, blob by blob.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "registry/pull.h"
#include "store/manifest.h"

namespace hearth::registry {

class BlobProgress {
 public:
  // `verb`: "pulling", "pushing" or "already there:". `progress`: of the model, with its all_total_bytes;
  // goes on where the blob before this one ended.
  BlobProgress(std::string_view verb, const store::Layer& layer, TransferProgress& progress,
               const TransferOptions& options)
      : options_(options), progress_(progress), all_before_(progress.all_done_bytes) {
    progress_.status = std::string(verb) + " " + layer.digest.substr(7, 12);
    progress_.digest = layer.digest;
    progress_.total_bytes = layer.size;
    progress_.done_bytes = 0;
  }

  // Never shows less than before, though what was cut off may come anew. What is done at the first call was
  // there already.
  void tell(uint64_t done) {
    if (!begun_) progress_.all_kept_bytes += done;
    begun_ = true;
    progress_.done_bytes = std::max(progress_.done_bytes, done);
    progress_.all_done_bytes = all_before_ + progress_.done_bytes;
    if (options_.report) options_.report(progress_);
  }

 private:
  const TransferOptions& options_;
  TransferProgress& progress_;
  const uint64_t all_before_;
  bool begun_ = false;
};

// What comes after the last blob.
inline void report_end(const char* status, const TransferProgress& of_blobs, const TransferOptions& options) {
  if (!options.report) return;
  options.report({.status = status,
                  .all_total_bytes = of_blobs.all_total_bytes,
                  .all_done_bytes = of_blobs.all_total_bytes,
                  .all_kept_bytes = of_blobs.all_kept_bytes});
}

}  // namespace hearth::registry
