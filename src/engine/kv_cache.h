// Keys and values of all sequences of one model, in two pools: one for layers with full attention, one for
// sliding-window layers, whose blocks return to the pool once the window has passed them. Layers that share
// another layer's cache own nothing and point at the donor.
//
// Sequences share what they have in common (engine/prefix_tree.h): whole blocks as they are, and of a block
// in which texts part, the positions before that by a copy. A copy moves at memory speed what would otherwise
// be computed, and so pays from the first token on. Blocks of sequences that are gone stay until room is
// needed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/block_pool.h"
#include "engine/prefix_tree.h"
#include "model/model_config.h"
#include "tensor/backend.h"

namespace hearth::engine {

struct KvCacheOptions {
  kernels::DType dtype = kernels::DType::kF16;  // F32, F16 or Q8_0
  int64_t context_length = 0;                   // longest sequence
  int64_t max_batch_rows = 256;                 // positions a sequence may gain in one step
  int64_t n_contexts = 2;                       // how many sequences of full length fit at once
  uint64_t prefix_bytes = 0;                    // more, for prefixes that no sequence uses at the moment
  bool stores_prefixes = false;  // long ones are also entered for the disk (engine/prefix_disk.h)
  Sha256Digest identity{};       // of the model and all else that decides what a block contains
};

// The sizes of a cache, before anything is allocated.
struct KvPlan {
  struct Kind {
    int64_t n_layers = 0;  // that own keys and values
    size_t block_bytes = 0;
    int64_t n_blocks = 0;
    int64_t n_prefix_blocks = 0;  // of them, those beyond what the running sequences need
    size_t bytes() const { return block_bytes * static_cast<size_t>(n_blocks); }
    size_t prefix_bytes() const { return block_bytes * static_cast<size_t>(n_prefix_blocks); }
  };
  Kind kinds[tensor::kMaxKvKinds];  // by model::AttentionKind
  size_t bytes() const { return kinds[0].bytes() + kinds[1].bytes(); }

  // kUnsupported when a head's width does not fit the format.
  static Result<KvPlan> create(const model::ModelConfig& config, const KvCacheOptions& options);
};

// The blocks of one sequence. Returned to the pools by KvCache::release().
class SequenceBlocks {
 public:
  tensor::SequenceKv view(int64_t n_positions) const;
  // The last whole block that is shared or can be, and how many there are up to it.
  const PrefixNode* shared_end() const { return node_; }
  size_t n_shared() const { return n_shared_; }

 private:
  friend class KvCache;
  std::vector<BlockId> tables_[tensor::kMaxKvKinds];
  size_t first_kept_ = 0;       // blocks of the sliding kind before this one are gone
  PrefixNode* node_ = nullptr;  // pinned; nullptr: this sequence shares nothing
  size_t n_shared_ = 0;
  size_t branch_ = 0;  // so many blocks are another text's too, but it could not be used from there
};

class KvCache {
 public:
  static Result<KvCache> create(const model::ModelConfig& config, const KvCacheOptions& options,
                                tensor::Backend& backend);

  const KvPlan& plan() const { return plan_; }
  std::span<const tensor::KvLayer> layers() const { return layers_; }

  // How much of a text is there already. Changes nothing.
  PrefixMatch match(const std::string& scope, std::span<const int32_t> tokens) const {
    return prefixes_->match(scope, tokens);
  }
  // Whether a sequence that begins with a match has room for n_positions.
  bool fits(const PrefixMatch& match, int64_t n_positions) const;
  // Starts an empty sequence with the longest beginning of `tokens` that is there; its number of positions.
  int64_t attach(SequenceBlocks& blocks, const std::string& scope, std::span<const int32_t> tokens);
  // Lets others find what a sequence has computed: `tokens` are its first ones, all of them stored. With
  // `end` also the last block that is not full, and the window before is kept longer than others: a prompt or
  // an answer ends here, and other texts will go on from it. To be called before pass_window().
  void publish(SequenceBlocks& blocks, std::span<const int32_t> tokens, bool end);

  // Makes room for positions [0, n_positions) of a sequence, those before its window excluded; prefixes that
  // nobody uses are given up for it. False, and the sequence as it was, when that is not enough.
  bool extend(SequenceBlocks& blocks, int64_t n_positions);
  // Gives back sliding-window blocks that no query at `next_position` or later can see.
  void pass_window(SequenceBlocks& blocks, int64_t next_position);
  // Gives back blocks of which no position is below n_positions: room for drafts that were wrong. Not below
  // what was published.
  void shrink(SequenceBlocks& blocks, int64_t n_positions);
  void release(SequenceBlocks& blocks);

  // For PrefixDisk: single blocks, held as by a sequence.
  PrefixTree& prefixes() { return *prefixes_; }
  bool has_layers(int kind) const { return plan_.kinds[kind].n_layers > 0; }
  BlockPool& pool(int kind) { return pools_[static_cast<size_t>(kind)]; }
  std::optional<BlockId> take(int kind);  // a block for one user; idle ones are given up for it
  std::span<std::byte> content(int kind, BlockId block);
  size_t first_visible_block(int64_t next_position) const;  // of the sliding kind

  size_t used_bytes() const;  // by sequences
  struct Usage {
    int64_t n_blocks = 0;
    int64_t n_in_use = 0;   // by sequences
    int64_t n_idle = 0;     // kept for texts to come
    int64_t n_evicted = 0;  // since the start
  };
  Usage usage() const;

 private:
  int64_t blocks_needed(int kind, int64_t n_positions) const;
  void share(SequenceBlocks& blocks, const PrefixMatch& match);
  bool copy_partial(SequenceBlocks& blocks, const PrefixMatch& match);
  PrefixNode* publish_block(SequenceBlocks& blocks, size_t index, std::span<const int32_t> tokens);
  void keep_window(PrefixNode* last, size_t first_block, size_t end_block);
  void store(PrefixNode* last);

  KvPlan plan_;
  int64_t sliding_blocks_per_sequence_ = 0;
  int64_t sliding_window_ = 0;
  bool stores_prefixes_ = false;
  std::unique_ptr<tensor::DeviceMemory> memory_[tensor::kMaxKvKinds];
  std::vector<BlockPool> pools_;
  std::vector<tensor::KvLayer> layers_;
  std::unique_ptr<PrefixTree> prefixes_;
};

}  // namespace hearth::engine
