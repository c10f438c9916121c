// What dialects and commands see of the models: names in, streams out. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/generation_request.h"
#include "serving/memory_plan.h"
#include "serving/model_card.h"
#include "serving/model_defaults.h"
#include "serving/token_stream.h"

namespace hearth::serving {

struct ModelSummary {
  std::string name;
  std::string path;
  std::string architecture;
  std::string quantisation;  // the commonest tensor type: "Q4_K"
  uint64_t size_bytes = 0;
  uint64_t n_parameters = 0;
  int64_t context_length = 0;  // tokens a request may use
  int64_t modified_unix_seconds = 0;
  ModelCapabilities capabilities;
  bool loaded = false;
  bool built_in = false;  // comes with Hearth
  std::string digest;     // SHA-256 in hexadecimal of the manifest that a store has of it; empty = none
};

// All that a file says about itself, and its store about it.
struct ModelDetails {
  ModelSummary summary;
  ModelCard card;
  std::string chat_template;  // empty = none
  ModelDefaults defaults;
  text::Value metadata;  // a mapping of all keys; long arrays are none
};

// What the engine of a model holds and has done. Counts of what happened are since the model was loaded.
struct EngineState {
  int64_t n_waiting = 0;  // requests that do not run yet, or not at the moment
  int64_t n_running = 0;
  int64_t n_preemptions = 0;    // times that a request gave its blocks back and waited once more
  int64_t n_blocks_in_use = 0;  // of keys and values
  int64_t n_blocks_kept = 0;    // for texts to come
  int64_t n_blocks_free = 0;
  int64_t n_blocks_evicted = 0;  // kept ones that were given up for room
  // Requests that took a part of their prompt from the cache, and the tokens they took; those of the disk had
  // some of them read back from there.
  int64_t memory_hits = 0;
  int64_t memory_tokens = 0;
  int64_t disk_hits = 0;
  int64_t disk_tokens = 0;
};

// Prefixes on disk, of all models together. Counts of what happened are since the start.
struct PrefixDiskState {
  uint64_t bytes = 0;
  int64_t n_blocks = 0;
  int64_t n_read = 0;
  int64_t n_written = 0;
  int64_t n_removed = 0;  // for room
  int64_t n_damaged = 0;
};

// A generation that runs now.
struct RunningGeneration {
  uint64_t id = 0;  // among those of its model
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, not computed again
  int64_t read_tokens = 0;    // of the prompt, the cached ones included
  int64_t generated_tokens = 0;
};

// A model in memory.
struct LoadedModelState {
  ModelSummary summary;
  MemoryPlan memory;
  size_t n_requests = 0;                        // running and waiting
  std::vector<RunningGeneration> running;       // oldest first; others of the requests wait
  std::optional<int64_t> expires_unix_seconds;  // absent = kept for good
  std::optional<EngineState> engine;            // absent: the model only gives vectors
};

// Requests that wait for a model to be loaded.
struct AwaitedModel {
  std::string name;
  size_t n_requests = 0;
};

// Memory of all models together.
struct MemoryUse {
  uint64_t budget_bytes = 0;     // what they may have
  uint64_t planned_bytes = 0;    // what those that are loaded may come to take
  uint64_t process_bytes = 0;    // beside them: the program itself, before any model
  uint64_t anonymous_bytes = 0;  // what this process holds of its own now
  uint64_t mapped_bytes = 0;     // and of mapped files, as far as they are in memory
};

class TextModel;

class GenerationService {
 public:
  virtual ~GenerationService() = default;

  // Those that can be used. Looks at the disk where there is a store: for listings, not for every request.
  virtual std::vector<ModelSummary> list_models() const = 0;
  virtual std::vector<LoadedModelState> loaded_models() const = 0;
  // Those that requests wait for; in memory they are among the loaded ones.
  virtual std::vector<AwaitedModel> awaited_models() const = 0;
  virtual MemoryUse memory() const = 0;
  // nullopt when nothing is kept on disk.
  virtual std::optional<PrefixDiskState> prefix_disk() const = 0;
  // The model that a name from outside means: the name itself, or what it is an alias of.
  virtual std::string resolve(const std::string& name) const = 0;
  // The model of this name, in any case and with or without ":latest". kNotFound; errors of its file or its
  // store.
  virtual Result<ModelSummary> find(const std::string& model) = 0;
  // kNotFound for an unknown model.
  virtual Result<ModelDetails> describe(const std::string& model) = 0;
  // Words and templates; needs no weights in memory. kNotFound; errors of the file.
  virtual Result<std::shared_ptr<const TextModel>> text_model(const std::string& model) = 0;

  // Brings a model into memory; the stream ends when it is there. For one that is, this sets how long it
  // stays. Dropping the stream before the load has begun gives it up. kNotFound; errors of the load come in
  // the stream.
  virtual Result<TokenStream> preload(const std::string& model, std::optional<KeepAlive> keep_alive) = 0;
  // Lets it go once its running requests have ended. kNotFound for an unknown model; one that is not loaded
  // is fine.
  virtual Status unload(const std::string& model) = 0;

  // Starts a generation. Refused at once: kNotFound (unknown model), kInvalidArgument (a field; the message
  // names it), kContextExceeded (both numbers in the message), kQueueFull, kOverloaded (shutting down),
  // kUnsupported. Later failures arrive in the stream. Never waits: where the model must be loaded first, the
  // request waits for it, and all but kNotFound, kQueueFull and kOverloaded arrive in the stream.
  virtual Result<TokenStream> generate(GenerationRequest request) = 0;

  // As generate(). One Embedding for each input, in any order, then the end. kUnsupported for a model that
  // gives none.
  virtual Result<TokenStream> embed(EmbeddingRequest request) = 0;
  // As embed(), with the score and the relevance of each document.
  virtual Result<TokenStream> rank(RankRequest request) = 0;

  // False while it cannot answer (shutting down, model failed); `why` gets one sentence.
  virtual bool healthy(std::string* why) const = 0;

  // Ends all work: running generations finish within `grace_ms` or end with an Error of kOverloaded;
  // new ones are refused.
  virtual void shut_down(int grace_ms) = 0;
};

}  // namespace hearth::serving
