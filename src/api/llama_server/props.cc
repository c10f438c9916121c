#include "api/llama_server/props.h"

#include "api/generation_reply.h"
#include "serving/text_model.h"

namespace hearth::api::llama_server {
namespace {

Json sampling_json(const engine::SamplingParams& sampling) {
  Json json = Json::object();
  json["temperature"] = sampling.temperature;
  json["top_k"] = sampling.top_k;
  json["top_p"] = sampling.top_p;
  json["min_p"] = sampling.min_p;
  json["typical_p"] = sampling.typical_p;
  json["repeat_last_n"] = sampling.penalty_window;
  json["repeat_penalty"] = sampling.repetition_penalty;
  json["presence_penalty"] = sampling.presence_penalty;
  json["frequency_penalty"] = sampling.frequency_penalty;
  json["n_predict"] = -1;
  return json;
}

}  // namespace

Parsed<std::string> props(serving::GenerationService& service, const std::string& model,
                          const std::string& build_info) {
  HEARTH_API_TRY(const std::string name, requested_model(service, model));
  const Result<serving::ModelDetails> details = service.describe(name);
  if (!details) return tl::unexpected<ApiError>(from_error(details.error()));
  const serving::ModelCard& card = details->card;
  Json json = Json::object();
  json["default_generation_settings"] =
      Json{{"n_ctx", details->summary.context_length}, {"params", sampling_json(card.sampling)}};
  json["total_slots"] = 0;  // there are no fixed ones
  json["model_alias"] = name;
  json["model_path"] = details->summary.path;
  json["chat_template"] = details->chat_template;
  json["chat_template_caps"] =
      Json{{"supports_tools", card.capabilities.tools}, {"supports_thinking", card.capabilities.thinking}};
  json["modalities"] = Json{{"vision", false}, {"audio", false}};
  if (const auto words = service.text_model(name)) {
    const text::Tokenizer& tokenizer = (*words)->tokenizer();
    const auto shown = [&](std::optional<text::TokenId> id) { return id ? tokenizer.piece(*id, true) : ""; };
    json["bos_token"] = shown(tokenizer.bos());
    json["eos_token"] = shown(tokenizer.eos());
  }
  json["build_info"] = build_info;
  json["is_sleeping"] = !details->summary.loaded;
  return dump(json);
}

std::string slots(const serving::GenerationService& service) {
  Json list = Json::array();
  for (const serving::LoadedModelState& model : service.loaded_models()) {
    for (const serving::RunningGeneration& running : model.running) {
      Json json = Json::object();
      json["id"] = list.size();
      json["id_task"] = running.id;
      json["model"] = model.summary.name;
      json["n_ctx"] = model.summary.context_length;
      json["is_processing"] = true;
      json["n_prompt_tokens"] = running.prompt_tokens;
      json["n_prompt_tokens_cache"] = running.cached_tokens;
      json["n_prompt_tokens_processed"] = running.read_tokens - running.cached_tokens;
      json["next_token"] = Json{{"has_next_token", true}, {"n_decoded", running.generated_tokens}};
      list.push_back(std::move(json));
    }
  }
  return dump(list);
}

}  // namespace hearth::api::llama_server
