// From the events of generations to the reply of one request, for every dialect: waiting, the first byte,
// errors before and after it, a client that leaves, a server that ends. A dialect gives the bytes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/error_response.h"
#include "api/event_source.h"
#include "api/fields.h"
#include "serving/generation_service.h"

namespace hearth::api {

// One answer, collected.
struct Answer {
  struct Call {
    std::string id;
    std::string name;
    std::string arguments;  // a JSON object, or its beginning

    bool whole() const;
  };
  std::string text;
  std::string reasoning;
  std::vector<serving::TextDelta::Token> tokens;  // of the text, with logprobs
  std::vector<Call> calls;
  std::vector<serving::Embedding> embeddings;
  serving::GenerationEnd end;

  // The last event also makes text of calls that the model broke off. Those that a limit cut stay what they
  // are: the end says so.
  void add(serving::GenerationEvent event);

 private:
  void broken_calls_to_text();
};

// The usage of several answers. Those of one prompt, `n_per_prompt` in a row, count it once.
class UsageTotal {
 public:
  explicit UsageTotal(size_t n_per_prompt = 1) : n_per_prompt_(n_per_prompt) {}
  void add(size_t index, const serving::Usage& usage);
  const serving::Usage& usage() const { return usage_; }

 private:
  size_t n_per_prompt_;
  serving::Usage usage_;
};

// The bytes of a streamed reply.
class ReplyEncoder {
 public:
  virtual ~ReplyEncoder() = default;

  virtual std::string_view content_type() const = 0;
  // Before the first event; called once.
  virtual std::string opening() = 0;
  // May be empty. No Error comes here.
  virtual std::string encode(const StreamEvent& event) = 0;
  // All streams have ended well.
  virtual std::string closing() = 0;
  // Nothing has come for a while; empty = stay silent.
  virtual std::string keep_alive() = 0;
  // The last words of a stream that fails after its first byte. Unless they are an end of their own in this
  // dialect, the connection then ends before the stream's proper end.
  virtual std::string failure(const ApiError& error) = 0;
  virtual bool failure_ends_stream() const { return false; }
};

// Sends events as they come. The status line waits for the first of them, so that a failure before it has its
// own status. `prompt_field` as in from_error().
Task<void> stream_reply(std::vector<serving::TokenStream> streams, size_t n_per_prompt,
                        std::string_view prompt_field, std::chrono::milliseconds keep_alive_interval,
                        ReplyEncoder& encoder, ResponseWriter& writer);

// Waits for all answers. nullopt: one has failed (which was replied) or the client has left.
Task<std::optional<std::vector<Answer>>> collect_reply(std::vector<serving::TokenStream> streams,
                                                       size_t n_per_prompt, std::string_view prompt_field,
                                                       ResponseWriter& writer);

// The model that a request's name means. Where it is left out and one model is served, that one is meant.
Parsed<std::string> requested_model(const serving::GenerationService& service, std::string name);

// All about it; a 404 for one that is not served. As on Ollama's side, case and ":latest" make no difference.
Parsed<serving::ModelSummary> find_model(serving::GenerationService& service, std::string name);

// What it can do, in the words that Ollama's clients know: "completion", "tools", …
Json capabilities_json(const serving::ModelCapabilities& capabilities);

}  // namespace hearth::api
