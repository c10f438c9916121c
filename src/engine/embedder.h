// Texts to vectors for one loaded model, beside the engine that generates with it.
//
// A thread of its own packs texts into passes: many short ones share one, and requests take turns, so that a
// long list holds nobody up for more than a pass. A text of a causal model may be read over several passes;
// the others look both ways and need all of it in one. What a text gives does not depend on what it shares a
// pass with. Public methods are thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cluster/communicator.h"
#include "engine/kv_cache.h"
#include "engine/queue_shares.h"
#include "engine/sequence.h"
#include "model/model.h"

namespace hearth::engine {

struct EmbedderOptions {
  kernels::DType kv_dtype = kernels::DType::kF16;  // of causal models; the others keep nothing between layers
  int64_t context_length = 0;                      // of the longest text
  int64_t pass_rows = 256;   // tokens of one pass; more only where one text that looks both ways has more
  size_t max_waiting = 256;  // requests that are not done; more are refused (engine/queue_shares.h)
  size_t max_waiting_tokens = size_t{4} << 20;  // of all of them
  size_t max_request_tokens = size_t{1} << 20;  // of one; more are refused whatever waits
  // Asked after every pass; true ends all work with an error (the model's file was damaged while mapped).
  std::function<bool()> damaged{};
};

struct EmbedText {
  std::vector<int32_t> tokens;
  // BERT's second segment (a document behind its query) begins here; absent = there is none.
  std::optional<size_t> second_segment{};
};

struct EmbedEnd {
  std::optional<Error> error;  // cancelled requests too
  int64_t n_tokens = 0;        // of all texts
  double queue_ms = 0;
  double compute_ms = 0;
};

// Where vectors go. Called on the embedder's thread, so it must be quick.
class EmbedSink {
 public:
  virtual ~EmbedSink() = default;
  // Of texts[index], in any order.
  virtual void on_vector(size_t index, std::vector<float> values) = 0;
  // Exactly once, last.
  virtual void on_end(const EmbedEnd& end) = 0;
};

struct EmbedRequest {
  std::vector<EmbedText> texts;
  bool normalise = true;  // to unit length
  bool rank = false;      // of rerankers: each text's value is its score
  std::string owner{};    // owners share the queue (engine/queue_shares.h)
  std::shared_ptr<EmbedSink> sink;
};

class Embedder {
 public:
  using RequestId = uint64_t;

  // Borrows the model. kOverloaded when memory is short, kUnsupported for a KV format the heads do not fit.
  static Result<std::unique_ptr<Embedder>> create(const model::Model& model,
                                                  std::unique_ptr<tensor::Backend> backend,
                                                  EmbedderOptions options);
  ~Embedder();  // ends what is running with kCancelled

  // What create() will take. Reserves on `backend`, as Engine::plan() does. Errors as create().
  static Result<size_t> planned_bytes(const model::ModelConfig& config, const EmbedderOptions& options,
                                      tensor::Backend& backend);

  // Refused at once: kInvalidArgument (names the input; too many tokens in all), kContextExceeded (names the
  // input, has both numbers), kQueueFull, kOverloaded. After success the sink gets vectors and exactly one
  // end.
  Result<RequestId> submit(EmbedRequest request);
  // The request ends with kCancelled; a pass in which nobody else has a part is broken off. Unknown ids are
  // ignored.
  void cancel(RequestId id);
  // Refuses new work; requests that are not done after `grace` end with kOverloaded. Blocks until all have
  // ended.
  void shut_down(std::chrono::milliseconds grace);

  // Why it cannot work any more; empty while it can.
  std::optional<Error> failure() const;
  size_t bytes() const { return bytes_; }
  size_t n_unfinished() const;

 private:
  struct Request;
  struct Text;
  struct Part;

  Embedder(const model::Model& model, std::unique_ptr<tensor::Backend> backend, EmbedderOptions options,
           KvCache cache, model::RunState state);

  void run();
  bool take_commands();
  std::vector<Part> next_pass();
  bool add_part(Text& text, int64_t rows_left, std::vector<Part>& parts);
  std::unique_ptr<Text> next_text();
  void step();
  Result<tensor::TensorView> forward(std::vector<Part>& parts);
  void advance(const Part& part, const tensor::TensorView& rows);
  void deliver(Text& text);
  void begin_pass(const std::vector<Part>& parts);
  void end_pass();
  void break_off_if_unwanted();  // under mutex_
  void end(RequestId id, std::optional<Error> error);
  void end_all(const Error& error);
  void finish(const Request& request, std::optional<Error> error);

  const model::Model& model_;
  std::unique_ptr<tensor::Backend> backend_;
  EmbedderOptions options_;
  size_t bytes_ = 0;
  std::unique_ptr<cluster::Communicator> communicator_ = cluster::create_single_process_communicator();

  // The thread's own.
  KvCache cache_;
  model::RunState state_;
  std::deque<std::unique_ptr<Request>> requests_;  // the front one gives the next text
  std::deque<std::unique_ptr<Text>> texts_;  // begun, not done; only the first may hold blocks between passes

  // Shared with callers, under mutex_.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<std::unique_ptr<Request>> arrivals_;
  std::vector<RequestId> cancellations_;
  std::vector<RequestId> in_pass_;
  std::optional<Error> failure_;
  QueueShares unfinished_;
  QueueShares unfinished_tokens_;
  RequestId last_id_ = 0;
  bool accepting_ = true;
  bool abandon_ = false;  // end everything now
  bool stopping_ = false;
  std::atomic<bool> interrupted_{false};

  std::thread thread_;
};

}  // namespace hearth::engine
