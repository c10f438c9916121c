// Which blocks hold the beginnings of which texts: a tree of runs of tokens, one block of every kind each. A
// text's keys and values depend on all tokens before them, so a block is found by walking down from the start
// of the text; tokens are compared, never only their hashes. Each scope has a tree of its own: texts of one
// scope are not seen, nor measured by their speed, from another.
//
// Runs are whole blocks; only a leaf may hold fewer tokens. Whole blocks are shared and never written again.
// Of a run that agrees with a text in its first tokens only, the text's owner gets a copy
// (engine/kv_cache.h).
//
// Layers with full attention need every block of a prefix. Those with a sliding window need the blocks inside
// the window before its end, so that a prefix can be used up to the ends of such windows; the others of their
// blocks may go first. What is given up is what was used longest ago, the end of a text before its beginning.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "engine/block_pool.h"

namespace hearth::engine {

struct PrefixNode {
  PrefixNode* parent = nullptr;  // nullptr: a root, which holds nothing
  std::vector<PrefixNode*> children;
  std::vector<int32_t> tokens;
  BlockId blocks[tensor::kMaxKvKinds] = {tensor::kNoBlock, tensor::kNoBlock};
  uint64_t last_used[tensor::kMaxKvKinds] = {};
  bool checkpoint = false;  // its sliding block belongs to a window whose end is worth coming back to
  int32_t n_pins = 0;       // sequences that go on from here
  size_t index = 0;         // in the tree's list

  // A name for the text up to the end of a root or a whole block, for use outside the process.
  Sha256Digest name{};
  bool to_be_stored = false;  // on disk as well (engine/prefix_disk.h)
  bool stored[tensor::kMaxKvKinds] = {};

  bool whole() const { return tokens.size() == tensor::kBlockTokens; }
};

// How far a text is known.
struct PrefixMatch {
  PrefixNode* root = nullptr;      // nullptr: no text of the scope is
  std::vector<PrefixNode*> known;  // whole blocks from the start, though their sliding blocks may be gone
  // What can be used: the first n_whole of them, then n_partial tokens of one more run.
  size_t n_whole = 0;
  PrefixNode* partial = nullptr;
  int64_t n_partial = 0;

  int64_t n_positions() const { return static_cast<int64_t>(n_whole) * tensor::kBlockTokens + n_partial; }
};

class PrefixTree {
 public:
  // `pools` by kind, nullptr for a kind without layers; `window` of the sliding kind, in positions.
  // `identity` stands for what beside the tokens decides what is in a block.
  PrefixTree(std::vector<BlockPool*> pools, int64_t window, const Sha256Digest& identity = {});

  // The longest beginning of `tokens` that can be used. Changes nothing.
  PrefixMatch match(const std::string& scope, std::span<const int32_t> tokens,
                    bool allow_partial = true) const;

  PrefixNode* root(const std::string& scope);  // made if it is not there
  void pin(PrefixNode* node) { ++node->n_pins; }
  void unpin(PrefixNode* node);

  // The node of `tokens` behind `parent`, with `blocks` taken over where it has none. A shorter run that says
  // the beginning of it is replaced. nullptr when a longer run says it already and tokens are not a whole
  // block.
  PrefixNode* insert(PrefixNode* parent, std::span<const int32_t> tokens,
                     const BlockId (&blocks)[tensor::kMaxKvKinds]);
  // Counts the node's block as used now; tick() moves the clock on.
  void touch(PrefixNode* node, int kind);
  void tick() { ++now_; }

  Sha256Digest root_name(const std::string& scope) const;
  static Sha256Digest name_behind(const Sha256Digest& parent, std::span<const int32_t> run);
  // Whole blocks that are to be written to disk, in the order in which they were asked for; nullptr = none.
  void store(PrefixNode* node);
  PrefixNode* next_to_store();

  // Makes a block of the kind free that nobody uses; false when all are in use.
  bool evict(int kind);

  size_t n_nodes() const { return nodes_.size(); }
  int64_t n_evicted() const { return n_evicted_; }

 private:
  bool usable(const PrefixMatch& match, size_t n_whole, const PrefixNode* partial, int64_t n_partial) const;
  bool evictable(const PrefixNode& node, int kind) const;
  void drop_block(PrefixNode& node, int kind);
  void remove(PrefixNode* node);
  void remove_if_empty(PrefixNode* node);

  std::vector<BlockPool*> pools_;
  int64_t window_;
  Sha256Digest identity_;
  std::map<std::string, std::unique_ptr<PrefixNode>, std::less<>> roots_;
  std::vector<std::unique_ptr<PrefixNode>> nodes_;  // all but the roots
  std::deque<PrefixNode*> to_store_;
  uint64_t now_ = 1;
  int64_t n_evicted_ = 0;
};

}  // namespace hearth::engine
