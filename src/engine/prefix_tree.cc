#include "engine/prefix_tree.h"

#include <algorithm>

#include "model/model_config.h"

namespace hearth::engine {
namespace {

using tensor::kBlockTokens;
using tensor::kNoBlock;

constexpr int kFull = static_cast<int>(model::AttentionKind::kFull);
constexpr int kSliding = static_cast<int>(model::AttentionKind::kSliding);

size_t n_common(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t n = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(n), b.begin()).first - a.begin());
}

}  // namespace

PrefixTree::PrefixTree(std::vector<BlockPool*> pools, int64_t window, const Sha256Digest& identity)
    : pools_(std::move(pools)), window_(window), identity_(identity) {}

PrefixMatch PrefixTree::match(const std::string& scope, std::span<const int32_t> tokens,
                              bool allow_partial) const {
  PrefixMatch match;
  const auto found = roots_.find(scope);
  if (found == roots_.end()) return match;
  PrefixNode* node = match.root = found->second.get();
  std::span<const int32_t> rest = tokens;
  while (rest.size() >= kBlockTokens) {
    const auto run = rest.first(kBlockTokens);
    const auto next =
        std::find_if(node->children.begin(), node->children.end(), [&](const PrefixNode* child) {
          return std::equal(child->tokens.begin(), child->tokens.end(), run.begin(), run.end());
        });
    if (next == node->children.end()) break;
    match.known.push_back(node = *next);
    rest = rest.subspan(kBlockTokens);
  }
  const size_t n_known = match.known.size();
  for (PrefixNode* child : node->children) {
    if (!allow_partial) break;
    const auto n = static_cast<int64_t>(n_common(child->tokens, rest));
    if (n > match.n_partial && usable(match, n_known, child, n)) {
      match.partial = child;
      match.n_partial = n;
    }
  }
  match.n_whole = n_known;
  if (match.partial != nullptr) return match;
  while (!usable(match, match.n_whole, nullptr, 0)) --match.n_whole;
  return match;
}

// Whether the blocks are there that a query at the end of the prefix sees.
bool PrefixTree::usable(const PrefixMatch& match, size_t n_whole, const PrefixNode* partial,
                        int64_t n_partial) const {
  if (pools_[kSliding] == nullptr) return true;
  const int64_t end = static_cast<int64_t>(n_whole) * kBlockTokens + n_partial;
  const auto first = static_cast<size_t>(std::max<int64_t>(end - window_ + 1, 0) / kBlockTokens);
  for (size_t i = first; i < n_whole; ++i) {
    if (match.known[i]->blocks[kSliding] == kNoBlock) return false;
  }
  return partial == nullptr || partial->blocks[kSliding] != kNoBlock;
}

PrefixNode* PrefixTree::root(const std::string& scope) {
  auto& root = roots_[scope];
  if (!root) {
    root = std::make_unique<PrefixNode>();
    root->name = root_name(scope);
  }
  return root.get();
}

Sha256Digest PrefixTree::root_name(const std::string& scope) const {
  return sha256({identity_, std::as_bytes(std::span(scope))});
}

Sha256Digest PrefixTree::name_behind(const Sha256Digest& parent, std::span<const int32_t> run) {
  return sha256({parent, std::as_bytes(run)});
}

void PrefixTree::store(PrefixNode* node) {
  node->to_be_stored = true;
  to_store_.push_back(node);
}

PrefixNode* PrefixTree::next_to_store() {
  if (to_store_.empty()) return nullptr;
  PrefixNode* node = to_store_.front();
  to_store_.pop_front();
  return node;
}

void PrefixTree::unpin(PrefixNode* node) {
  --node->n_pins;
  remove_if_empty(node);
}

PrefixNode* PrefixTree::insert(PrefixNode* parent, std::span<const int32_t> tokens,
                               const BlockId (&blocks)[tensor::kMaxKvKinds]) {
  PrefixNode* node = nullptr;
  std::vector<PrefixNode*> shorter;
  for (PrefixNode* child : parent->children) {
    const size_t n = n_common(child->tokens, tokens);
    if (n == tokens.size() && n < child->tokens.size()) return nullptr;
    if (n == tokens.size()) node = child;
    if (n < tokens.size() && n == child->tokens.size()) shorter.push_back(child);
  }
  if (node == nullptr) {
    // The run may have been inserted before its block was full.
    const auto same_block = std::find_if(shorter.begin(), shorter.end(), [&](const PrefixNode* child) {
      return std::equal(std::begin(blocks), std::end(blocks), std::begin(child->blocks));
    });
    if (same_block != shorter.end()) {
      node = *same_block;
      shorter.erase(same_block);
    } else {
      auto made = std::make_unique<PrefixNode>();
      node = made.get();
      node->parent = parent;
      node->index = nodes_.size();
      parent->children.push_back(node);
      nodes_.push_back(std::move(made));
    }
    node->tokens.assign(tokens.begin(), tokens.end());
    if (node->whole()) node->name = name_behind(parent->name, tokens);
  }
  for (PrefixNode* child : shorter) remove(child);
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (node->blocks[kind] != kNoBlock || blocks[kind] == kNoBlock) continue;
    node->blocks[kind] = blocks[kind];
    pools_[static_cast<size_t>(kind)]->keep(blocks[kind]);
  }
  return node;
}

void PrefixTree::touch(PrefixNode* node, int kind) {
  node->last_used[kind] = now_;
}

bool PrefixTree::evictable(const PrefixNode& node, int kind) const {
  const BlockId block = node.blocks[kind];
  if (block == kNoBlock || pools_[static_cast<size_t>(kind)]->in_use(block)) return false;
  return kind == kSliding || (node.children.empty() && node.n_pins == 0);
}

bool PrefixTree::evict(int kind) {
  PrefixNode* victim = nullptr;
  const auto sooner = [&](const PrefixNode& a, const PrefixNode& b) {
    if (kind == kSliding && a.checkpoint != b.checkpoint) return b.checkpoint;
    return a.last_used[kind] < b.last_used[kind];
  };
  for (const auto& node : nodes_) {
    if (evictable(*node, kind) && (victim == nullptr || sooner(*node, *victim))) victim = node.get();
  }
  if (victim == nullptr) return false;
  ++n_evicted_;
  if (kind == kFull) {
    PrefixNode* parent = victim->parent;
    remove(victim);
    remove_if_empty(parent);
  } else {
    drop_block(*victim, kind);
    victim->checkpoint = false;
    remove_if_empty(victim);
  }
  return true;
}

void PrefixTree::drop_block(PrefixNode& node, int kind) {
  if (node.blocks[kind] == kNoBlock) return;
  pools_[static_cast<size_t>(kind)]->forget(node.blocks[kind]);
  node.blocks[kind] = kNoBlock;
}

void PrefixTree::remove(PrefixNode* node) {
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) drop_block(*node, kind);
  std::erase(node->parent->children, node);
  std::erase(to_store_, node);
  const size_t index = node->index;
  nodes_[index].swap(nodes_.back());
  nodes_[index]->index = index;
  nodes_.pop_back();
}

// Removes a node of which nothing is left, and what then has no use above it.
void PrefixTree::remove_if_empty(PrefixNode* node) {
  while (node->children.empty() && node->n_pins == 0 &&
         std::all_of(std::begin(node->blocks), std::end(node->blocks),
                     [](BlockId block) { return block == kNoBlock; })) {
    PrefixNode* parent = node->parent;
    if (parent == nullptr) {
      std::erase_if(roots_, [&](const auto& entry) { return entry.second.get() == node; });
      return;
    }
    remove(node);
    node = parent;
  }
}

}  // namespace hearth::engine
