#include "api/openai/completion_request.h"

#include <algorithm>
#include <variant>

namespace hearth::api::openai {
namespace {

using TokenIds = std::vector<text::TokenId>;
using OnePrompt = std::variant<std::string, TokenIds>;

constexpr int64_t kMaxLogprobs = 20;  // 5 by specification; evaluation tools ask for more

bool is_token(const Json& json) {
  return json.is_number_integer() && json.get<double>() >= 0 && json.get<double>() <= kMaxTokens;
}

bool is_token_list(const Json& json) {
  return json.is_array() && !json.empty() && std::all_of(json.begin(), json.end(), is_token);
}

TokenIds tokens_of(const Json& list) {
  TokenIds ids;
  ids.reserve(list.size());
  for (const Json& item : list) ids.push_back(item.get<text::TokenId>());
  return ids;
}

// A string, a list of strings, a list of token ids, or a list of such lists.
Parsed<std::vector<OnePrompt>> read_prompts(const Json& body) {
  const Json* prompt = find(body, "prompt");
  if (prompt == nullptr) return refuse("prompt", "is missing");
  std::vector<OnePrompt> prompts;
  if (prompt->is_string()) {
    prompts.emplace_back(prompt->get<std::string>());
    return prompts;
  }
  if (is_token_list(*prompt)) {
    prompts.emplace_back(tokens_of(*prompt));
    return prompts;
  }
  if (!prompt->is_array() || prompt->empty()) {
    return refuse("prompt", "must be a string, a list of strings, or a list of token ids");
  }
  if (prompt->size() > static_cast<size_t>(kMaxChoices)) {
    return refuse("prompt",
                  fmt::format("holds {} prompts, or values that are not token ids; at most {} prompts are "
                              "allowed in one request",
                              prompt->size(), kMaxChoices));
  }
  for (size_t i = 0; i < prompt->size(); ++i) {
    const Json& item = (*prompt)[i];
    if (item.is_string()) {
      prompts.emplace_back(item.get<std::string>());
    } else if (is_token_list(item)) {
      prompts.emplace_back(tokens_of(item));
    } else {
      return refuse(fmt::format("prompt[{}]", i), "must be a string or a list of token ids (0 or more)");
    }
  }
  return prompts;
}

}  // namespace

Parsed<DialectRequest> parse_completion_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  DialectRequest request;
  HEARTH_API_TRY(request.reply, read_reply_options(body));
  HEARTH_API_TRY(auto generation, read_shared_fields(body));
  HEARTH_API_TRY(auto prompts, read_prompts(body));
  HEARTH_API_TRY(const bool echo, read_bool(body, "echo", false));
  HEARTH_API_TRY(auto logprobs, read_integer(body, "logprobs", 0, kMaxLogprobs));
  HEARTH_API_TRY(auto best_of, read_integer(body, "best_of", 1, kMaxChoices));
  HEARTH_API_TRY(auto suffix, read_string(body, "suffix", "suffix", ~size_t{0}));

  if (!suffix.empty()) return refuse("suffix", "filling in the middle is not supported");
  if (best_of && *best_of != request.reply.n) return refuse("best_of", "must be equal to n");
  request.n_prompts = prompts.size();
  if (request.reply.n * static_cast<int64_t>(prompts.size()) > kMaxChoices) {
    return refuse("n", fmt::format("{} for each of {} prompts, at most {} answers are given to one request",
                                   request.reply.n, prompts.size(), kMaxChoices));
  }
  generation.logprobs = logprobs.has_value();
  generation.top_logprobs = static_cast<int>(logprobs.value_or(0));
  if (echo && generation.logprobs) return refuse("echo", "is not supported together with logprobs");

  for (OnePrompt& prompt : prompts) {
    serving::GenerationRequest one = generation;
    std::string repeated;
    if (auto* words = std::get_if<std::string>(&prompt)) {
      if (echo) repeated = *words;
      one.prompt = serving::TextPrompt{std::move(*words), true};
    } else {
      if (echo) return refuse("echo", "is not supported for a prompt of token ids");
      one.prompt = std::move(std::get<TokenIds>(prompt));
    }
    add_choices(request, std::move(one));
    request.echo.resize(request.generations.size(), repeated);
  }
  return request;
}

}  // namespace hearth::api::openai
