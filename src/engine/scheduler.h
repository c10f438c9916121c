// Who runs in the next step. Continuous batching (Orca, OSDI 2022): each step carries one row of every
// decoding sequence and fills up with a bounded chunk of prompts that are still being read, oldest first, so
// that a long prompt never stalls the others for more than a chunk.
//
// When blocks run out, the youngest running sequence gives its own back and waits at the head of the queue;
// it is read again from its tokens later. The oldest always gets on.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/sequence.h"

namespace hearth::engine {

struct SchedulerLimits {
  int64_t max_batch_rows = 256;  // rows of one step
  int64_t max_running = 32;      // sequences with blocks
  size_t max_waiting = 256;      // beyond those that run; the engine refuses more
};

// A run of rows of one sequence in a step: its next tokens, then drafted ones.
struct BatchItem {
  Sequence* sequence = nullptr;
  int64_t n_rows = 0;            // of the sequence's own tokens
  bool samples = false;          // the logits of the last of them are wanted
  std::vector<int32_t> draft{};  // all of whose rows' logits are wanted
  int64_t match_length = 0;      // what the draft was made from (PromptLookup)

  int64_t n_drafted() const { return static_cast<int64_t>(draft.size()); }
  int64_t n_outputs() const { return samples ? 1 + n_drafted() : 0; }
};

class Scheduler {
 public:
  Scheduler(SchedulerLimits limits, KvCache& cache) : limits_(limits), cache_(cache) {}

  void add(std::unique_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }

  // The work of the next step, with blocks in place; empty when there is nothing to do.
  std::vector<BatchItem> next_batch();

  // Takes a sequence out, wherever it is, and frees its blocks; nullptr when it is not here.
  std::unique_ptr<Sequence> remove(SequenceId id);
  std::vector<std::unique_ptr<Sequence>> remove_all();

  size_t n_running() const { return running_.size(); }
  size_t n_waiting() const { return waiting_.size(); }

 private:
  bool make_room(Sequence& sequence, int64_t n_positions);
  void preempt_youngest();

  SchedulerLimits limits_;
  KvCache& cache_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // oldest first
};

}  // namespace hearth::engine
