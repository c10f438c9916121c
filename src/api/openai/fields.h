// What the requests of this dialect share.
#pragma once

#include <string>
#include <vector>

#include "api/fields.h"
#include "api/sampling_fields.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

constexpr int64_t kMaxChoices = 16;  // n times prompts

// model, the sampling fields, what the answer must look like; and as Ollama has them, keep_alive, num_ctx and
// `options`, over which the fields beside it win.
Parsed<serving::GenerationRequest> read_shared_fields(const Json& body);

struct ReplyOptions {
  bool stream = false;
  bool include_usage = false;
  int64_t n = 1;
  bool legacy_functions = false;  // the request offers `functions`
  bool show_reasoning = true;
  bool return_progress = false;  // a stream tells how far the prompt has been read
};
Parsed<ReplyOptions> read_reply_options(const Json& body);

// A request as all routes of this dialect hand it on: one generation for each choice, in the order of
// `index`.
struct DialectRequest {
  std::vector<serving::GenerationRequest> generations;
  size_t n_prompts = 1;
  ReplyOptions reply;
  std::vector<std::string> echo;  // one for each choice, written before it; empty = none
};

// n generations from one: with a seed, choice i has seed + i.
void add_choices(DialectRequest& request, serving::GenerationRequest generation);

}  // namespace hearth::api::openai
