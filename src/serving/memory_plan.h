// What a model takes in memory, line by line: planned before it is loaded, and the same while it is.
#pragma once

#include <cstdint>

namespace hearth::serving {

struct MemoryPlan {
  uint64_t weight_bytes = 0;      // the file, mapped
  uint64_t kv_full_bytes = 0;     // keys and values of requests: layers that see all of the context
  uint64_t kv_sliding_bytes = 0;  // and those that see a window of it
  uint64_t prefix_bytes = 0;      // keys and values kept for texts to come
  uint64_t activation_bytes = 0;  // of a step
  uint64_t logit_bytes = 0;       // the same, of the rows that choose a token
  uint64_t scratch_bytes = 0;     // of single operations
  uint64_t embedder_bytes = 0;    // what gives vectors; of models that write, once it is asked for
  uint64_t word_bytes = 0;        // the vocabulary's indexes

  uint64_t cache_bytes() const { return kv_full_bytes + kv_sliding_bytes + prefix_bytes; }
  uint64_t working_bytes() const {
    return activation_bytes + logit_bytes + scratch_bytes + embedder_bytes + word_bytes;
  }
  uint64_t total_bytes() const { return weight_bytes + cache_bytes() + working_bytes(); }
};

}  // namespace hearth::serving
