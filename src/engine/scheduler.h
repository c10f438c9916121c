// Who runs in the next step. Continuous batching (Orca, OSDI 2022): each step carries one row of every
// decoding sequence and fills up with a bounded number of rows of prompts that are still being read, so that
// a long prompt never stalls the others for more than that (engine/step_pace.h says how many rows).
//
// Prompts are read side by side: each owner of requests has the same share of the rows, and each of the
// owner's prompts the same share of those. A short prompt does not wait behind a long one, and none is
// starved. New sequences start in the same spirit, the owner with the fewest running ones first. A sequence
// whose next tokens another one is reading right now, or the disk, waits for them and then shares them.
//
// When blocks run out, the youngest sequence of the owner who runs most gives its own back and waits at the
// head of the queue; what is left of them when it comes back is used again. The oldest always gets on.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/prefix_disk.h"
#include "engine/sequence.h"

namespace hearth::engine {

struct SchedulerLimits {
  int64_t max_batch_rows = 256;  // rows of one step
  int64_t max_running = 32;      // sequences with blocks
  size_t max_waiting = 256;      // beyond those that run; the engine refuses more (engine/queue_shares.h)
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
  // Borrows all; `disk` may be nullptr.
  Scheduler(SchedulerLimits limits, KvCache& cache, PrefixDisk* disk = nullptr)
      : limits_(limits), cache_(cache), disk_(disk) {}

  void add(std::unique_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }

  // The work of the next step, with blocks in place; empty when there is nothing to do. At most
  // `max_prompt_rows` rows are of prompts.
  std::vector<BatchItem> next_batch(int64_t max_prompt_rows);

  // Takes a sequence out, wherever it is, and frees its blocks; what they hold can be found by others.
  // nullptr when it is not here.
  std::unique_ptr<Sequence> remove(SequenceId id);
  std::vector<std::unique_ptr<Sequence>> remove_all();

  size_t n_running() const { return running_.size(); }
  const std::vector<std::unique_ptr<Sequence>>& running() const { return running_; }  // oldest first
  size_t n_waiting() const { return waiting_.size(); }
  int64_t n_decoding() const;
  int64_t n_preemptions() const { return n_preemptions_; }  // since the start

 private:
  using Waiting = std::deque<std::unique_ptr<Sequence>>;

  void start_waiting();
  bool is_being_computed(const Sequence& sequence, const PrefixMatch& match) const;
  bool is_being_loaded(Sequence& sequence, const PrefixMatch& match);
  void add_prompts(std::vector<BatchItem>& batch, int64_t n_rows);
  bool make_room(Sequence& sequence, int64_t n_positions);
  const Sequence* preempt_one();
  bool runs(const Sequence& sequence) const;
  void give_back(Sequence& sequence);

  SchedulerLimits limits_;
  KvCache& cache_;
  PrefixDisk* disk_;
  Waiting waiting_;                                 // preempted ones first
  std::vector<std::unique_ptr<Sequence>> running_;  // oldest first
  int64_t n_preemptions_ = 0;
};

}  // namespace hearth::engine
