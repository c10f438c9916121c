#include "api/llama_server/completion_reply.h"

#include <algorithm>
#include <cmath>

#include "api/timings_json.h"
#include "text/utf8.h"

namespace hearth::api::llama_server {
namespace {

using serving::GenerationRequest;
using serving::TextDelta;
using serving::TokenLogprob;

// JSON has no infinity; this is what clients know as "practically impossible".
constexpr double kLeastLogprob = -9999.0;

Json token_json(const TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
  Json json = Json::object();
  json["id"] = token.id;
  json["token"] = text::to_valid_utf8(token.bytes);
  json["bytes"] = std::move(bytes);
  json["logprob"] = std::isfinite(token.logprob) ? static_cast<double>(token.logprob) : kLeastLogprob;
  return json;
}

Json probabilities_json(const std::vector<TextDelta::Token>& tokens) {
  Json list = Json::array();
  for (const TextDelta::Token& token : tokens) {
    Json entry = token_json(token.chosen);
    Json top = Json::array();
    for (const TokenLogprob& other : token.top) top.push_back(token_json(other));
    entry["top_logprobs"] = std::move(top);
    list.push_back(std::move(entry));
  }
  return list;
}

Json ids_json(const std::vector<TextDelta::Token>& tokens) {
  Json ids = Json::array();
  for (const TextDelta::Token& token : tokens) ids.push_back(token.chosen.id);
  return ids;
}

// The settings that the request named; the others are the model's own.
Json settings_json(const CompletionRequest& request, const GenerationRequest& generation) {
  const engine::SamplingOverrides& sampling = generation.sampling;
  Json json = Json::object();
  const auto put = [&](const char* name, const auto& value) {
    if (value) json[name] = *value;
  };
  put("seed", sampling.seed);
  put("temperature", sampling.temperature);
  put("top_k", sampling.top_k);
  put("top_p", sampling.top_p);
  put("min_p", sampling.min_p);
  put("typical_p", sampling.typical_p);
  put("repeat_last_n", sampling.penalty_window);
  put("repeat_penalty", sampling.repetition_penalty);
  put("presence_penalty", sampling.presence_penalty);
  put("frequency_penalty", sampling.frequency_penalty);
  json["n_predict"] = generation.max_tokens.value_or(-1);
  json["stop"] = generation.stop;
  json["ignore_eos"] = generation.ignore_end_of_generation;
  json["stream"] = request.stream;
  json["n_probs"] = generation.top_logprobs;
  return json;
}

const char* stop_type(const serving::GenerationEnd& end) {
  if (end.reason == serving::FinishReason::kLength) return "limit";
  return end.stop_string.empty() ? "eos" : "word";
}

Json prompt_json(const GenerationRequest& generation) {
  if (const auto* words = std::get_if<serving::TextPrompt>(&generation.prompt)) return words->text;
  return "";
}

// "a/b" takes b out of a, under the name b.
Json only(const Json& json, const std::vector<std::string>& fields) {
  if (fields.empty()) return json;
  Json result = Json::object();
  for (const std::string& field : fields) {
    const Json* at = &json;
    std::string_view rest = field, name;
    while (at != nullptr && !rest.empty()) {
      const size_t slash = std::min(rest.find('/'), rest.size());
      name = rest.substr(0, slash);
      rest.remove_prefix(std::min(slash + 1, rest.size()));
      const auto member = at->is_object() ? at->find(name) : at->end();
      at = member == at->end() ? nullptr : &*member;
    }
    if (at != nullptr && !name.empty()) result[std::string(name)] = *at;
  }
  return result;
}

std::string sse(const Json& json) {
  return "data: " + dump(json) + "\n\n";
}

}  // namespace

Json completion_json(const std::string& model, const CompletionRequest& request, size_t index,
                     const Answer& answer, bool streamed) {
  const GenerationRequest& generation = request.generations[index];
  const serving::GenerationEnd& end = answer.end;
  Json json = Json::object();
  json["index"] = index;
  json["content"] = streamed ? "" : answer.text;
  json["tokens"] = request.return_tokens && !streamed ? ids_json(answer.tokens) : Json::array();
  json["id_slot"] = -1;  // there are no fixed slots
  json["stop"] = true;
  json["model"] = model;
  json["tokens_predicted"] = end.usage.completion_tokens;
  json["tokens_evaluated"] = end.usage.prompt_tokens;
  json["generation_settings"] = settings_json(request, generation);
  json["prompt"] = prompt_json(generation);
  json["has_new_line"] = answer.text.find('\n') != std::string::npos;
  json["truncated"] = false;
  json["stop_type"] = stop_type(end);
  json["stopping_word"] = end.stop_string;
  json["tokens_cached"] = end.usage.cached_tokens;
  json["timings"] = timings_json(end);
  if (request.probabilities && !streamed)
    json["completion_probabilities"] = probabilities_json(answer.tokens);
  return only(json, request.response_fields);
}

std::string CompletionEncoder::encode(const StreamEvent& event) {
  Answer& answer = answers_[event.stream];
  const auto part = [&](const TextDelta& delta) {
    Json json = Json::object();
    json["index"] = event.stream;
    json["content"] = delta.text;
    json["tokens"] = request_.return_tokens ? ids_json(delta.tokens) : Json::array();
    json["stop"] = false;
    json["id_slot"] = -1;
    return json;
  };
  if (const auto* delta = std::get_if<TextDelta>(&event.event)) {
    if (delta->text.empty() && delta->tokens.empty()) return {};
    answer.text += delta->text;
    Json json = part(*delta);
    if (request_.probabilities) json["completion_probabilities"] = probabilities_json(delta->tokens);
    return sse(json);
  }
  if (const auto* progress = std::get_if<serving::PromptProgress>(&event.event)) {
    if (!request_.return_progress) return {};
    Json json = part({});
    json["prompt_progress"] = progress_json(*progress);
    return sse(json);
  }
  const auto* end = std::get_if<serving::GenerationEnd>(&event.event);
  if (end == nullptr) return {};
  answer.end = *end;
  return sse(completion_json(model_, request_, event.stream, answer, true));
}

}  // namespace hearth::api::llama_server
