// Measures one model on this machine: how fast it reads prompts and writes, and what share that is of what
// the machine can do. The limits are measured right before and right after each run, because on shared
// machines they change within minutes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/bench/machine_limits.h"
#include "app/evaluation_model.h"
#include "tensor/profiling_backend.h"

namespace hearth::app {

struct BenchTest {
  enum class Kind { kPrompt, kGenerate };
  Kind kind = Kind::kPrompt;
  int64_t n_tokens = 0;  // of each sequence
  int64_t depth = 0;     // tokens of each sequence before
  int64_t batch = 1;     // sequences

  std::string name() const;  // "pp512", "tg128"
};

// What a test does on average for a token of any of its sequences.
struct TokenWork {
  double bytes = 0;  // weights and cached keys and values
  double macs = 0;   // of the rows that are really computed
};

// The passes of a test by operation.
struct BenchProfile {
  std::vector<tensor::Phase> phases;
  double seconds = 0;  // of the passes, what is between the operations included
  ThreadPool::Waits waits;
};

struct BenchResult {
  BenchTest test;
  TokenWork per_token;
  std::vector<double> tokens_per_second;  // of all sequences together, by repetition
  std::vector<double> limit_per_second;   // bytes or multiply-accumulates, by repetition; 0 = not known
  std::optional<BenchProfile> profile;

  double median_tokens_per_second() const;
  double median_limit_per_second() const;
  // Of the limit beside each repetition; the median. Nothing where the limit is not known.
  std::optional<double> share_of_limit() const;
};

struct BenchOptions {
  kernels::DType kv_dtype = kernels::DType::kF16;
  int repetitions = 3;
  bool profile = false;
};

class ModelBench {
 public:
  // Borrows the model. Reads its file in. `bandwidth`: the way of reading memory that limits are measured
  // with.
  static Result<ModelBench> create(EvaluationModel& model, const ReadBandwidth& bandwidth,
                                   const BenchOptions& options);

  // Makes room for sequences of so many tokens. Errors: kOverloaded when there is too little memory.
  Status prepare(int64_t batch, int64_t context);
  // A test that fits what was prepared, with that batch. What is at `depth` is not read but made up
  // (Evaluator::fill_cache): the time of a step depends on how much is stored, not on what.
  Result<BenchResult> run(const BenchTest& test);

 private:
  ModelBench(EvaluationModel& model, ReadTest read_test, const ReadBandwidth& bandwidth,
             const BenchOptions& options)
      : model_(model),
        read_test_(std::move(read_test)),
        bandwidth_(bandwidth),
        options_(options),
        profiler_(model.backend()) {}

  Status start(const BenchTest& test, int64_t depth);
  Status run_passes(const BenchTest& test);
  Status append_to_each(int64_t batch);
  Result<TokenWork> count_work(const BenchTest& test);
  Result<BenchProfile> profile(const BenchTest& test);
  double measure_limit(BenchTest::Kind kind) const;
  int32_t next_token();

  EvaluationModel& model_;
  ReadTest read_test_;
  ReadBandwidth bandwidth_;
  BenchOptions options_;
  tensor::ProfilingBackend profiler_;
  engine::Evaluator* evaluator_ = nullptr;
  bool cache_filled_ = false;
  uint64_t token_state_ = 1;
};

}  // namespace hearth::app
