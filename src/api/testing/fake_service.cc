#include "api/testing/fake_service.h"

#include <chrono>

#include "serving/model_name.h"

namespace hearth::api::testing {

using serving::GenerationEnd;
using serving::TextDelta;
using serving::TokenStream;
using serving::TokenWriter;

FakeService::FakeService() {
  serving::ModelSummary model;
  model.name = "tiny/llama:q4";
  model.architecture = "llama";
  model.quantisation = "Q4_K";
  model.size_bytes = 1000;
  model.n_parameters = 2000;
  model.context_length = 4096;
  model.modified_unix_seconds = 1'755'820'000;
  model.loaded = true;
  models.push_back(model);
  scripts_.push_back(say_hello);
}

Result<serving::ModelSummary> FakeService::find(const std::string& name) {
  for (const bool exactly : {true, false}) {
    for (const serving::ModelSummary& model : models) {
      if (exactly ? model.name == name : serving::same_model_name(model.name, name)) return model;
    }
  }
  return fail(ErrorCategory::kNotFound, "model '{}' not found", name);
}

Status FakeService::check_model(const std::string& name) {
  HEARTH_CHECK_OK(find(name));
  return {};
}

Result<serving::ModelDetails> FakeService::describe(const std::string& model) {
  HEARTH_CHECK_OK(check_model(model));
  return details;
}

Result<std::shared_ptr<const serving::TextModel>> FakeService::text_model(const std::string& model) {
  HEARTH_CHECK_OK(check_model(model));
  if (!text) return fail(ErrorCategory::kUnsupported, "no words");
  return text;
}

Result<TokenStream> FakeService::preload(const std::string& model,
                                         std::optional<serving::KeepAlive> keep_alive) {
  HEARTH_CHECK_OK(check_model(model));
  std::lock_guard lock(mutex_);
  lifecycle_.push_back(fmt::format("preload {} {}", model, keep_alive ? keep_alive->count() : -1));
  auto [stream, writer] = TokenStream::create();
  GenerationEnd end;
  end.timings.load_ms = 2;
  writer.push(end);
  return std::move(stream);
}

Status FakeService::unload(const std::string& model) {
  HEARTH_CHECK_OK(check_model(model));
  std::lock_guard lock(mutex_);
  lifecycle_.push_back("unload " + model);
  return {};
}

TokenStream FakeService::play_next() {
  std::unique_lock lock(mutex_);
  auto [stream, writer] = TokenStream::create();
  writer.set_on_cancel([this, to = writer]() mutable {
    to.push(cancelled_end);
    std::lock_guard inner(mutex_);
    ++n_cancelled_;
    changed_.notify_all();
  });
  writers_.push_back(std::move(writer));
  TokenWriter& kept = writers_.back();
  const Script script = scripts_.front();
  if (scripts_.size() > 1) scripts_.pop_front();
  changed_.notify_all();
  lock.unlock();
  script(kept);
  return std::move(stream);
}

Result<TokenStream> FakeService::generate(serving::GenerationRequest request) {
  {
    std::lock_guard lock(mutex_);
    if (refusal_) return propagate(*refusal_);
    requests_.push_back(std::move(request));
  }
  return play_next();
}

Result<TokenStream> FakeService::embed(serving::EmbeddingRequest request) {
  {
    std::lock_guard lock(mutex_);
    if (refusal_) return propagate(*refusal_);
    embedding_requests_.push_back(std::move(request));
  }
  return play_next();
}

Result<TokenStream> FakeService::rank(serving::RankRequest request) {
  {
    std::lock_guard lock(mutex_);
    if (refusal_) return propagate(*refusal_);
    rank_requests_.push_back(std::move(request));
  }
  return play_next();
}

bool FakeService::healthy(std::string* why) const {
  if (why != nullptr) *why = sick;
  return sick.empty();
}

void FakeService::play(Script script) {
  std::lock_guard lock(mutex_);
  scripts_.assign(1, std::move(script));
}

TokenWriter& FakeService::writer(size_t n) {
  std::lock_guard lock(mutex_);
  return writers_.at(n);
}

bool FakeService::wait_for_generations(size_t n, int timeout_ms) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return writers_.size() >= n; });
}

bool FakeService::wait_for_cancellations(int n, int timeout_ms) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return n_cancelled_ >= n; });
}

std::vector<serving::GenerationRequest> FakeService::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<serving::EmbeddingRequest> FakeService::embedding_requests() const {
  std::lock_guard lock(mutex_);
  return embedding_requests_;
}

std::vector<serving::RankRequest> FakeService::rank_requests() const {
  std::lock_guard lock(mutex_);
  return rank_requests_;
}

std::vector<std::string> FakeService::lifecycle() const {
  std::lock_guard lock(mutex_);
  return lifecycle_;
}

TextDelta words(std::string text) {
  TextDelta delta;
  delta.text = std::move(text);
  return delta;
}

GenerationEnd end_after(int64_t prompt_tokens, int64_t completion_tokens, serving::FinishReason reason) {
  GenerationEnd end;
  end.reason = reason;
  end.usage.prompt_tokens = prompt_tokens;
  end.usage.completion_tokens = completion_tokens;
  return end;
}

void say_hello(TokenWriter& writer) {
  writer.push(words("Hello"));
  writer.push(words(", world"));
  GenerationEnd end = end_after(3, 2);
  end.usage.cached_tokens = 1;
  end.timings.queue_ms = 1;
  end.timings.prefill_ms = 4;
  end.timings.decode_ms = 8;
  writer.push(end);
}

}  // namespace hearth::api::testing
