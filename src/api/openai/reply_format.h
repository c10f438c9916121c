// The JSON of replies: what is particular to chat and to text completions, and what both share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/generation_reply.h"
#include "api/json.h"
#include "serving/token_stream.h"

namespace hearth::api::openai {

// The same in every chunk of a reply.
struct ReplyHead {
  std::string id;
  int64_t created = 0;  // Unix seconds
  std::string model;
  std::string system_fingerprint;
  bool usage_in_chunks = false;  // "usage": null, where a usage chunk is to follow
  bool logprobs = false;
  bool legacy_functions =
      false;  // calls are written as function_call, the way `functions` in a request asks for
  bool show_reasoning = true;
};

class ReplyFormat {
 public:
  static std::unique_ptr<ReplyFormat> chat(ReplyHead head);
  static std::unique_ptr<ReplyFormat> completion(ReplyHead head);
  virtual ~ReplyFormat() = default;

  // Chunks of a stream. `n_bytes_before` counts the choice's text so far.
  virtual Json opening(size_t index) const = 0;  // null: this format has none
  virtual Json delta(size_t index, const serving::TextDelta& delta, size_t n_bytes_before) const = 0;
  // Reasoning and calls; null: this format does not show them.
  virtual Json reasoning(size_t index, const serving::ReasoningDelta& delta) const;
  virtual Json call(size_t index, const serving::ToolCallDelta& delta) const;
  Json progress(size_t index, const serving::PromptProgress& progress) const;  // as llama-server writes it
  Json finish(size_t index, const serving::GenerationEnd& end, bool with_timings) const;
  Json usage(const serving::Usage& usage) const;
  // The reply in one piece.
  Json whole(const std::vector<Answer>& answers, const serving::Usage& usage) const;

 protected:
  explicit ReplyFormat(ReplyHead head) : head_(std::move(head)) {}
  virtual const char* chunk_object() const = 0;
  virtual const char* whole_object() const = 0;
  virtual Json empty_choice(size_t index, Json reason) const = 0;
  virtual Json whole_choice(size_t index, const Answer& answer, const char* reason) const = 0;
  Json chunk(Json choices) const;
  Json start(const char* object) const;
  const char* reason_name(serving::FinishReason reason) const;

  ReplyHead head_;
};

// Tokens with their log-probabilities and alternatives, as chats show them.
Json logprobs_json(const std::vector<serving::TextDelta::Token>& tokens);

}  // namespace hearth::api::openai
