// The stepping loop of one loaded model: takes requests in token ids, runs batches, hands out tokens.
//
// One thread of its own owns all mutable state (cache, scheduler, sequences). Public methods are thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cluster/communicator.h"
#include "engine/draft_policy.h"
#include "engine/queue_shares.h"
#include "engine/scheduler.h"
#include "engine/step_pace.h"
#include "model/model.h"

namespace hearth::engine {

struct EngineOptions {
  KvCacheOptions kv{};
  SchedulerLimits limits{};
  // Drafts tokens where the text repeats itself and checks several in one step. Changes speed, never tokens.
  bool speculate = true;
  // Where prefixes outlive the engine; may be nullptr. Shared by the engines of any number of models.
  std::shared_ptr<PrefixStore> prefix_store{};
  // Asked after every step; true ends all work with an error (the model's file was damaged while mapped).
  std::function<bool()> damaged{};
  // What steps are timed with, for the choice of drafts and of the rows for prompts.
  std::function<Clock::time_point()> clock = Clock::now;

  model::RunLimits run_limits() const;
};

// What an engine takes, by purpose.
struct EngineMemory {
  size_t kv_bytes[tensor::kMaxKvKinds] = {};  // of running sequences, by model::AttentionKind
  size_t prefix_bytes = 0;                    // keys and values for texts to come
  size_t activation_bytes = 0;
  size_t logit_bytes = 0;
  size_t scratch_bytes = 0;  // the backend's

  size_t total() const;
};

// What it does and has done, for those who watch it.
struct EngineStats {
  int64_t n_waiting = 0;
  int64_t n_running = 0;
  int64_t n_ended = 0;  // sequences, from here on since the start
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of them, not computed again
  int64_t sampled_tokens = 0;
  int64_t drafted_tokens = 0;
  int64_t accepted_tokens = 0;  // of them, those that were right
  int64_t prefix_hits = 0;      // sequences with cached tokens
  int64_t disk_hits = 0;        // of them, with tokens that were read back from the disk
  int64_t disk_tokens = 0;      // of the cached ones, those
  int64_t preemptions = 0;      // sequences that gave their blocks back and waited once more
  KvCache::Usage kv{};
  PrefixStoreStats disk{};  // of all models together
};

// A sequence with a place in the steps, as of the last one.
struct RunningSequence {
  SequenceId id = 0;
  int64_t n_prompt = 0;
  int64_t n_cached = 0;  // of the prompt, not computed again
  int64_t n_read = 0;    // of the prompt, the cached ones included
  int64_t n_sampled = 0;
};

class Engine {
 public:
  // Borrows the model. kOverloaded when memory is short, kUnsupported for a KV format the heads do not fit.
  static Result<std::unique_ptr<Engine>> create(const model::Model& model,
                                                std::unique_ptr<tensor::Backend> backend,
                                                EngineOptions options);
  // What create() will take. Reserves on `backend`, which touches no memory: a backend for planning may be
  // thrown away. Errors as create().
  static Result<EngineMemory> plan(const model::ModelConfig& config, const EngineOptions& options,
                                   tensor::Backend& backend);
  ~Engine();  // ends what is running with kCancelled

  // Refused at once: kInvalidArgument, kContextExceeded (both numbers), kQueueFull, kOverloaded. After
  // success the sink gets tokens and exactly one end.
  Result<SequenceId> submit(EngineRequest request);
  // The sequence ends with kCancelled, within half a layer of the step that runs; unknown ids are ignored.
  // Its rows leave the step, the others lose nothing.
  void cancel(SequenceId id);

  // Refuses new work; sequences that are not done after `grace` end with kOverloaded ("shutting down").
  // Blocks until all have ended.
  void shut_down(std::chrono::milliseconds grace);

  // Why it cannot work any more; empty while it can.
  std::optional<Error> failure() const;
  int64_t context_length() const { return options_.kv.context_length; }
  EngineMemory memory() const { return memory_; }
  size_t n_unfinished() const;  // sequences that run or wait
  EngineStats stats() const;
  std::vector<RunningSequence> running() const;  // oldest first

 private:
  Engine(const model::Model& model, std::unique_ptr<tensor::Backend> backend, EngineOptions options,
         EngineMemory memory, KvCache cache, model::RunState state);

  void run();
  struct Commands;
  Commands take_commands_locked();
  void carry_out(Commands commands);
  bool wait_for_work();  // false when the loop is to end
  std::unique_ptr<PrefixDisk> open_disk();
  void step();
  void add_drafts(std::vector<BatchItem>& batch);
  Result<tensor::TensorView> forward(std::vector<BatchItem>& batch);
  std::vector<int32_t> drop_cancelled(std::vector<BatchItem>& batch);
  int64_t advance(const BatchItem& item, const tensor::TensorView& logits, int64_t first_row);
  bool deliver(Sequence& sequence, std::span<float> logits);
  void end(SequenceId id, EndReason reason, std::optional<Error> error = {});
  void finish(const Sequence& sequence, EndReason reason, std::optional<Error> error);
  void fail_all(const Error& error);
  void update_stats();

  const model::Model& model_;
  std::unique_ptr<tensor::Backend> backend_;
  EngineOptions options_;
  EngineMemory memory_;
  std::unique_ptr<cluster::Communicator> communicator_ = cluster::create_single_process_communicator();

  // The engine thread's own.
  KvCache cache_;
  std::unique_ptr<PrefixDisk> disk_;
  model::RunState state_;
  Scheduler scheduler_;
  DraftPolicy draft_policy_;
  StepPace pace_;
  bool starved_ = false;  // the last step had nothing to do

  // Shared with callers, under mutex_.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<std::unique_ptr<Sequence>> arrivals_;
  std::vector<SequenceId> cancellations_;
  bool disk_has_results_ = false;
  std::optional<Error> failure_;
  EngineStats stats_;
  std::vector<RunningSequence> running_;
  QueueShares unfinished_;  // arrivals count already
  bool accepting_ = true;
  bool abandon_ = false;  // end everything now
  bool stopping_ = false;
  std::atomic<SequenceId> next_id_{1};
  std::atomic<bool> interrupted_{false};  // a running step has to look at cancellations_, or at its end

  std::thread thread_;
};

}  // namespace hearth::engine
