#include "api/openai/completion_request.h"

#include "api/token_lists.h"

namespace hearth::api::openai {
namespace {

constexpr int64_t kMaxLogprobs = 20;  // 5 by specification; evaluation tools ask for more

}  // namespace

Parsed<DialectRequest> parse_completion_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  DialectRequest request;
  HEARTH_API_TRY(request.reply, read_reply_options(body));
  HEARTH_API_TRY(auto generation, read_shared_fields(body));
  HEARTH_API_TRY(auto prompts, read_texts(body, "prompt", static_cast<size_t>(kMaxChoices)));
  HEARTH_API_TRY(const bool echo, read_bool(body, "echo", false));
  HEARTH_API_TRY(auto logprobs, read_integer(body, "logprobs", 0, kMaxLogprobs));
  HEARTH_API_TRY(auto best_of, read_integer(body, "best_of", 1, kMaxChoices));
  HEARTH_API_TRY(auto suffix, read_string(body, "suffix", "suffix", ~size_t{0}));

  if (best_of && *best_of != request.reply.n) return refuse("best_of", "must be equal to n");
  request.n_prompts = prompts.size();
  if (request.reply.n * static_cast<int64_t>(prompts.size()) > kMaxChoices) {
    return refuse("n", fmt::format("{} for each of {} prompts, at most {} answers are given to one request",
                                   request.reply.n, prompts.size(), kMaxChoices));
  }
  generation.logprobs = logprobs.has_value();
  generation.top_logprobs = static_cast<int>(logprobs.value_or(0));
  generation.score_prompt = echo && generation.logprobs;  // the prompt then comes from the model
  if (generation.score_prompt && !suffix.empty()) {
    return refuse("suffix", "is not supported together with echo and logprobs");
  }

  for (TextOrTokens& prompt : prompts) {
    serving::GenerationRequest one = generation;
    std::string repeated;
    if (auto* words = std::get_if<std::string>(&prompt)) {
      if (echo && !generation.score_prompt) repeated = *words;
      if (suffix.empty()) {
        one.prompt = serving::TextPrompt{std::move(*words), true};
      } else {
        one.prompt = serving::InfillPrompt{.prefix = std::move(*words), .suffix = suffix};
      }
    } else {
      if (echo && !generation.score_prompt) {
        return refuse("echo", "is supported for a prompt of token ids together with logprobs only");
      }
      if (!suffix.empty()) return refuse("suffix", "is not supported for a prompt of token ids");
      one.prompt = std::move(std::get<TokenIds>(prompt));
    }
    add_choices(request, std::move(one));
    request.echo.resize(request.generations.size(), repeated);
  }
  return request;
}

}  // namespace hearth::api::openai
