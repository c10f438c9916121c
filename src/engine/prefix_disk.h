// The way of prefixes between a KV cache and a PrefixStore. Blocks that others may want later are written
// while the engine goes on; before a sequence starts, blocks of its text that only the disk has are read
// back, again while the engine goes on. A block is held in the pool as long as the store's thread has to do
// with it, and is at that time written by nobody else.
//
// What a block contains depends on the model (all of its metadata and the tensors' shapes and types, the size
// of its files), on the format of the cache and the kernels that computed it, on the owner, and on every
// token up to its end. All of it goes into the name it is stored by, as a chain: SHA-256 of the parent's name
// and the block's tokens, with the rest in the name of the root. Names of this strength are never the same by
// chance or malice; what they lead to is used without comparing tokens.
//
// Belongs to the engine's thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/kv_cache.h"
#include "engine/prefix_store.h"

namespace hearth::engine {

class PrefixDisk {
 public:
  // `notify` is called on the store's thread when take_results() has something to do.
  PrefixDisk(std::shared_ptr<PrefixStore> store, KvCache& cache, std::function<void()> notify);
  ~PrefixDisk();  // waits until the store is done with the cache's blocks

  enum class Reading { kNothing, kStarted, kUnderWay };
  // Whether blocks of a text are read back that the cache does not have (`match`). With `may_start`, begins
  // to read those that are there.
  Reading read(const std::string& scope, std::span<const int32_t> tokens, const PrefixMatch& match,
               bool may_start);
  // Hands the store a few more of the blocks that wait to be written.
  void write_some();
  // Takes in what the store has done since.
  void take_results();
  // Writes what still waits, for at most so long.
  void flush(std::chrono::milliseconds limit);
  // Counts a text, by its last block, as used now.
  void touch(const PrefixNode* last);

  // Whether results are still to come.
  bool busy() const { return n_writing_ > 0 || !jobs_.empty(); }

 private:
  struct Job;
  struct Results;

  void enter(const Job& job);

  std::shared_ptr<PrefixStore> store_;
  KvCache& cache_;
  std::shared_ptr<Results> results_;  // shared with the store's callbacks
  std::vector<std::unique_ptr<Job>> jobs_;
  std::set<StoredBlock> reading_;
  int64_t n_writing_ = 0;
};

}  // namespace hearth::engine
