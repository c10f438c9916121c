#include "engine/prefix_disk.h"

#include <condition_variable>
#include <mutex>

namespace hearth::engine {
namespace {

using tensor::kBlockTokens;
using tensor::kNoBlock;

constexpr int kFull = static_cast<int>(model::AttentionKind::kFull);
constexpr int kSliding = static_cast<int>(model::AttentionKind::kSliding);

// Blocks that are held for the store at a time. Few, as nobody else can have their room.
constexpr int64_t kMaxWriting = 4;

}  // namespace

// Blocks of one text that are being read.
struct PrefixDisk::Job {
  struct Item {
    size_t index;  // of the block in the text
    int kind;
    BlockId block;  // held
  };
  std::vector<PrefixNode*> path;  // of the text, as far as it was known; its end is pinned
  PrefixNode* root;
  std::vector<int32_t> tokens;           // whole blocks
  std::vector<Item> items;               // by index
  std::vector<PrefixStore::Read> reads;  // in the same order
  bool done = false;                     // under Results::mutex
};

struct PrefixDisk::Results {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::pair<int, BlockId>> written;
  int64_t n_done = 0;  // jobs
  std::function<void()> notify;

  bool any() const { return !written.empty() || n_done > 0; }
};

PrefixDisk::PrefixDisk(std::shared_ptr<PrefixStore> store, KvCache& cache, std::function<void()> notify)
    : store_(std::move(store)), cache_(cache), results_(std::make_shared<Results>()) {
  results_->notify = std::move(notify);
}

PrefixDisk::~PrefixDisk() {
  while (busy()) {
    std::unique_lock lock(results_->mutex);
    results_->changed.wait(lock, [&] { return results_->any(); });
    lock.unlock();
    take_results();
  }
}

PrefixDisk::Reading PrefixDisk::read(const std::string& scope, std::span<const int32_t> tokens,
                                     const PrefixMatch& match, bool may_start) {
  if (!cache_.has_layers(kFull)) return Reading::kNothing;
  PrefixTree& prefixes = cache_.prefixes();
  // The names of the text's blocks, as far as the cache or the disk has them.
  std::vector<Sha256Digest> names;
  for (const PrefixNode* node : match.known) names.push_back(node->name);
  Sha256Digest name = names.empty() ? prefixes.root_name(scope) : names.back();
  while ((names.size() + 1) * kBlockTokens <= tokens.size()) {
    name = PrefixTree::name_behind(name, tokens.subspan(names.size() * kBlockTokens, kBlockTokens));
    if (!store_->contains({name, kFull})) break;
    names.push_back(name);
  }
  // The longest prefix with a window before its end.
  const auto has_window = [&](size_t i) {
    return !cache_.has_layers(kSliding) ||
           (i < match.known.size() && match.known[i]->blocks[kSliding] != kNoBlock);
  };
  size_t n_blocks = names.size(), first_in_window = 0;
  for (; n_blocks * kBlockTokens > static_cast<size_t>(match.n_positions()); --n_blocks) {
    first_in_window = cache_.first_visible_block(static_cast<int64_t>(n_blocks * kBlockTokens));
    bool complete = true;
    for (size_t i = first_in_window; i < n_blocks && complete; ++i) {
      complete = has_window(i) || store_->contains({names[i], kSliding});
    }
    if (complete) break;
  }
  if (n_blocks * kBlockTokens <= static_cast<size_t>(match.n_positions())) return Reading::kNothing;

  auto job = std::make_unique<Job>();
  int64_t needed[tensor::kMaxKvKinds] = {};
  for (size_t i = std::min(first_in_window, match.known.size()); i < n_blocks; ++i) {
    if (i >= match.known.size()) job->items.push_back({i, kFull, kNoBlock});
    if (i >= first_in_window && !has_window(i)) job->items.push_back({i, kSliding, kNoBlock});
  }
  for (const Job::Item& item : job->items) {
    if (reading_.contains({names[item.index], item.kind})) return Reading::kUnderWay;
    ++needed[item.kind];
  }
  if (!may_start) return Reading::kNothing;
  for (int kind = 0; kind < tensor::kMaxKvKinds; ++kind) {
    if (needed[kind] > cache_.pool(kind).n_available()) return Reading::kNothing;
  }
  job->path = match.known;
  job->root = prefixes.root(scope);
  prefixes.pin(job->path.empty() ? job->root : job->path.back());
  job->tokens.assign(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(n_blocks * kBlockTokens));
  for (Job::Item& item : job->items) {
    const auto block = cache_.take(item.kind);
    if (!block) {  // what was counted as available was part of this very text
      for (const Job::Item& held : job->items) {
        if (held.block != kNoBlock) cache_.pool(held.kind).release(held.block);
      }
      prefixes.unpin(job->path.empty() ? job->root : job->path.back());
      return Reading::kNothing;
    }
    item.block = *block;
  }
  std::vector<PrefixStore::Read> reads;
  for (const Job::Item& item : job->items) {
    reads.push_back({{names[item.index], item.kind}, cache_.content(item.kind, item.block)});
    reading_.insert(reads.back().block);
  }
  store_->read(std::move(reads), [results = results_, raw = job.get()](std::vector<PrefixStore::Read> done) {
    std::lock_guard lock(results->mutex);
    raw->reads = std::move(done);
    raw->done = true;
    ++results->n_done;
    results->changed.notify_all();
    results->notify();
  });
  jobs_.push_back(std::move(job));
  return Reading::kStarted;
}

void PrefixDisk::write_some() {
  while (n_writing_ < kMaxWriting) {
    PrefixNode* node = cache_.prefixes().next_to_store();
    if (node == nullptr) return;
    for (const int kind : {kFull, kSliding}) {
      const BlockId block = node->blocks[kind];
      if (block == kNoBlock || node->stored[kind] || (kind == kSliding && !node->checkpoint)) continue;
      node->stored[kind] = true;
      const StoredBlock stored{node->name, kind};
      if (store_->contains(stored)) continue;
      cache_.pool(kind).retain(block);
      ++n_writing_;
      std::optional<StoredBlock> parent;  // none at the beginning of a text
      if (kind == kSliding) parent = {node->name, kFull};
      if (kind == kFull && node->parent->parent != nullptr) parent = {node->parent->name, kFull};
      store_->write(stored, parent, cache_.content(kind, block), [results = results_, kind, block] {
        std::lock_guard lock(results->mutex);
        results->written.emplace_back(kind, block);
        results->changed.notify_all();
        results->notify();
      });
    }
  }
}

void PrefixDisk::take_results() {
  std::vector<std::pair<int, BlockId>> written;
  std::vector<std::unique_ptr<Job>> done;
  {
    std::lock_guard lock(results_->mutex);
    written.swap(results_->written);
    results_->n_done = 0;
    for (auto& job : jobs_) {
      if (job->done) done.push_back(std::move(job));
    }
  }
  std::erase(jobs_, nullptr);
  for (const auto& [kind, block] : written) cache_.pool(kind).release(block);
  n_writing_ -= static_cast<int64_t>(written.size());
  for (const auto& job : done) enter(*job);
}

// Gives the cache what was read, as far as it is good.
void PrefixDisk::enter(const Job& job) {
  PrefixTree& prefixes = cache_.prefixes();
  prefixes.tick();
  std::vector<PrefixNode*> path = job.path;
  for (size_t i = 0; i < job.items.size();) {
    const size_t index = job.items[i].index;
    BlockId blocks[tensor::kMaxKvKinds] = {kNoBlock, kNoBlock};
    for (; i < job.items.size() && job.items[i].index == index; ++i) {
      if (job.reads[i].good) blocks[job.items[i].kind] = job.items[i].block;
    }
    const bool known = index < path.size();
    if (!known && blocks[kFull] == kNoBlock) break;
    PrefixNode* parent = index == 0 ? job.root : path[index - 1];
    PrefixNode* node =
        prefixes.insert(parent, std::span(job.tokens).subspan(index * kBlockTokens, kBlockTokens), blocks);
    if (!known) path.push_back(node);
    node->to_be_stored = true;
    for (const int kind : {kFull, kSliding}) {
      if (blocks[kind] == kNoBlock) continue;
      prefixes.touch(node, kind);
      node->stored[kind] = true;
      if (kind == kSliding) node->checkpoint = true;
    }
  }
  for (size_t i = 0; i < job.items.size(); ++i) {
    cache_.pool(job.items[i].kind).release(job.items[i].block);
    reading_.erase(job.reads[i].block);
  }
  prefixes.unpin(job.path.empty() ? job.root : job.path.back());
}

void PrefixDisk::flush(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (write_some(); busy(); write_some()) {
    std::unique_lock lock(results_->mutex);
    if (!results_->changed.wait_until(lock, deadline, [&] { return results_->any(); })) return;
    lock.unlock();
    take_results();
  }
}

void PrefixDisk::touch(const PrefixNode* last) {
  std::vector<StoredBlock> blocks;
  for (const PrefixNode* node = last; node != nullptr && node->parent != nullptr; node = node->parent) {
    for (const int kind : {kFull, kSliding}) {
      if (node->stored[kind]) blocks.push_back({node->name, kind});
    }
  }
  std::reverse(blocks.begin(), blocks.end());
  if (!blocks.empty()) store_->touch(blocks);
}

}  // namespace hearth::engine
