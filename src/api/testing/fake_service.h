// A GenerationService whose answers a test writes down beforehand.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serving/generation_service.h"
#include "serving/model_aliases.h"

namespace hearth::api::testing {

class FakeService : public serving::GenerationService {
 public:
  using Script = std::function<void(serving::TokenWriter&)>;  // runs inside generate()

  FakeService();

  std::vector<serving::ModelSummary> list_models() const override { return models; }
  std::vector<serving::LoadedModelState> loaded_models() const override { return loaded; }
  std::vector<serving::AwaitedModel> awaited_models() const override { return awaited; }
  serving::MemoryUse memory() const override { return memory_use; }
  std::optional<serving::PrefixDiskState> prefix_disk() const override { return disk; }
  std::string resolve(const std::string& name) const override { return aliases.resolve(name, models); }
  Result<serving::ModelSummary> find(const std::string& model) override;
  Result<serving::ModelDetails> describe(const std::string& model) override;
  // kUnsupported unless `text` was set.
  Result<std::shared_ptr<const serving::TextModel>> text_model(const std::string& model) override;
  // Ends at once, after 2 ms of loading.
  Result<serving::TokenStream> preload(const std::string& model,
                                       std::optional<serving::KeepAlive> keep_alive) override;
  Status unload(const std::string& model) override;
  Result<serving::TokenStream> generate(serving::GenerationRequest request) override;
  // Both play the same scripts as generate().
  Result<serving::TokenStream> embed(serving::EmbeddingRequest request) override;
  Result<serving::TokenStream> rank(serving::RankRequest request) override;
  bool healthy(std::string* why) const override;
  void shut_down(int) override {}

  // What the next generations do; the last script repeats.
  void play(Script script);
  void refuse(Error error) { refusal_ = std::move(error); }

  // The writer of the n-th generation, for tests that go on after generate() has returned.
  serving::TokenWriter& writer(size_t n);
  bool wait_for_generations(size_t n, int timeout_ms);
  bool wait_for_cancellations(int n, int timeout_ms);
  std::vector<serving::GenerationRequest> requests() const;
  std::vector<serving::EmbeddingRequest> embedding_requests() const;
  std::vector<serving::RankRequest> rank_requests() const;
  std::vector<std::string> lifecycle() const;  // "preload NAME 5000", "unload NAME", in order

  std::vector<serving::ModelSummary> models;
  std::vector<serving::LoadedModelState> loaded;
  std::vector<serving::AwaitedModel> awaited;
  serving::MemoryUse memory_use;
  std::optional<serving::PrefixDiskState> disk;
  serving::ModelAliases aliases;
  serving::ModelDetails details;  // what describe() tells of any model that is served
  std::shared_ptr<const serving::TextModel> text;
  std::string sick;  // empty = healthy
  serving::GenerationEvent cancelled_end = Error{ErrorCategory::kCancelled, "the request was cancelled"};

 private:
  Status check_model(const std::string& name);
  serving::TokenStream play_next();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Script> scripts_;
  std::deque<serving::TokenWriter> writers_;
  std::vector<serving::GenerationRequest> requests_;
  std::vector<serving::EmbeddingRequest> embedding_requests_;
  std::vector<serving::RankRequest> rank_requests_;
  std::vector<std::string> lifecycle_;
  std::optional<Error> refusal_;
  int n_cancelled_ = 0;
};

serving::TextDelta words(std::string text);
serving::GenerationEnd end_after(int64_t prompt_tokens, int64_t completion_tokens,
                                 serving::FinishReason reason = serving::FinishReason::kStop);
// "Hello", ", world" and the end: 3 prompt tokens, 1 of them cached, 2 completion tokens.
void say_hello(serving::TokenWriter& writer);

}  // namespace hearth::api::testing
