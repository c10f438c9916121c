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
  // `verb`: "pulling" or "pushing". `all_before`: bytes of the model that have been transferred, of
  // `all_total`.
  BlobProgress(std::string_view verb, const store::Layer& layer, uint64_t all_before, uint64_t all_total,
               const TransferOptions& options)
      : options_(options), all_before_(all_before) {
    progress_.status = std::string(verb) + " " + layer.digest.substr(7, 12);
    progress_.digest = layer.digest;
    progress_.total_bytes = layer.size;
    progress_.all_total_bytes = all_total;
  }

  // Never shows less than before, though what was cut off may come anew.
  void tell(uint64_t done) {
    progress_.done_bytes = std::max(progress_.done_bytes, done);
    progress_.all_done_bytes = all_before_ + progress_.done_bytes;
    if (options_.report) options_.report(progress_);
  }

 private:
  const TransferOptions& options_;
  const uint64_t all_before_;
  TransferProgress progress_;
};

}  // namespace hearth::registry
