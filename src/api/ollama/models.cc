#include "api/ollama/models.h"

#include <algorithm>
#include <span>

#include "api/generation_reply.h"
#include "api/ollama/wire.h"
#include "base/sha256.h"

namespace hearth::api::ollama {
namespace {

using serving::ModelSummary;

// As clients print it for models that stay: the year alone says so.
constexpr std::string_view kForGood = "2318-01-01T00:00:00Z";

// "7.6B", "494M", "260K"
std::string parameter_size(uint64_t n) {
  const auto shown = [n](double unit, const char* name) {
    const double number = static_cast<double>(n) / unit;
    return number < 10 ? fmt::format("{:.1f}{}", number, name) : fmt::format("{:.0f}{}", number, name);
  };
  if (n >= 1'000'000'000) return fmt::format("{:.1f}B", static_cast<double>(n) / 1e9);
  if (n >= 1'000'000) return shown(1e6, "M");
  if (n >= 1000) return shown(1e3, "K");
  return std::to_string(n);
}

// The digest of its manifest. Of a model that has none, a hash of its file's path, size and time: not of its
// bytes, which would take minutes to read.
std::string identity(const ModelSummary& model) {
  if (!model.digest.empty()) return model.digest;
  const std::string source =
      fmt::format("{}\n{}\n{}", model.path, model.size_bytes, model.modified_unix_seconds);
  return to_hex(sha256({std::as_bytes(std::span(source))}));
}

Json details_json(const ModelSummary& model) {
  Json json = Json::object();
  json["parent_model"] = "";
  json["format"] = "gguf";
  json["family"] = model.architecture;
  json["families"] = Json::array({model.architecture});
  json["parameter_size"] = parameter_size(model.n_parameters);
  json["quantization_level"] = model.quantisation;
  json["context_length"] = model.context_length;
  return json;
}

Json entry_json(const ModelSummary& model) {
  Json json = Json::object();
  json["name"] = model.name;
  json["model"] = model.name;
  json["size"] = model.size_bytes;
  json["digest"] = identity(model);
  json["details"] = details_json(model);
  return json;
}

// Line by line; their sum is the model's size.
Json memory_json(const serving::MemoryPlan& plan) {
  return {{"weight_bytes", plan.weight_bytes},
          {"kv_full_bytes", plan.kv_full_bytes},
          {"kv_sliding_bytes", plan.kv_sliding_bytes},
          {"prefix_bytes", plan.prefix_bytes},
          {"activation_bytes", plan.activation_bytes},
          {"logit_bytes", plan.logit_bytes},
          {"scratch_bytes", plan.scratch_bytes},
          {"embedder_bytes", plan.embedder_bytes},
          {"word_bytes", plan.word_bytes}};
}

// What the store says, else the author's sampling: a table of names and values.
std::string parameters_text(const serving::ModelCard& card, const serving::ModelDefaults& defaults) {
  std::string text;
  const auto add = [&](std::string_view name, const auto& value) {
    text += fmt::format("{:<30} {}\n", name, value);
  };
  for (const auto& parameter : defaults.parameters) {
    add(parameter.name, parameter.name == "stop" ? fmt::format("\"{}\"", parameter.value) : parameter.value);
  }
  if (!text.empty()) text.pop_back();
  if (!card.has_sampling || !text.empty()) return text;
  const engine::SamplingParams& sampling = card.sampling;
  add("temperature", sampling.temperature);
  add("top_k", sampling.top_k);
  add("top_p", sampling.top_p);
  add("min_p", sampling.min_p);
  add("repeat_penalty", sampling.repetition_penalty);
  add("repeat_last_n", sampling.penalty_window);
  text.pop_back();
  return text;
}

std::string modelfile_text(const serving::ModelDetails& details) {
  const serving::ModelDefaults& defaults = details.defaults;
  store::Modelfile modelfile;
  const std::string from =
      store::weights_for_from(details.summary.name, details.summary.path, details.card.shards);
  modelfile.from = {from};
  modelfile.parameters = defaults.parameters;
  if (!defaults.chat_template.empty()) modelfile.template_text = defaults.chat_template;
  if (!defaults.system.empty()) modelfile.system = defaults.system;
  modelfile.licenses = defaults.licenses;
  for (const auto& message : defaults.messages) modelfile.messages.push_back({message.role, message.content});
  const auto text = store::write_modelfile(modelfile);
  // Texts that no quotes can hold are in the other fields.
  return text ? *text : fmt::format("FROM {}\n", from);
}

}  // namespace

Json tags_json(const std::vector<ModelSummary>& models) {
  std::vector<ModelSummary> sorted = models;
  std::stable_sort(sorted.begin(), sorted.end(), [](const ModelSummary& a, const ModelSummary& b) {
    return a.modified_unix_seconds > b.modified_unix_seconds;
  });
  Json list = Json::array();
  for (const ModelSummary& model : sorted) {
    Json json = entry_json(model);
    json["modified_at"] = rfc3339_seconds(model.modified_unix_seconds);
    json["capabilities"] = capabilities_json(model.capabilities);
    if (model.built_in) json["built_in"] = true;
    list.push_back(std::move(json));
  }
  return Json{{"models", std::move(list)}};
}

Json ps_json(const std::vector<serving::LoadedModelState>& models, const serving::MemoryUse& memory) {
  Json list = Json::array();
  for (const serving::LoadedModelState& model : models) {
    Json json = entry_json(model.summary);
    json["size"] = model.memory.total_bytes();
    json["size_vram"] = 0;
    json["expires_at"] = model.expires_unix_seconds ? rfc3339_seconds(*model.expires_unix_seconds) : kForGood;
    json["context_length"] = model.summary.context_length;
    json["memory"] = memory_json(model.memory);
    list.push_back(std::move(json));
  }
  Json json{{"models", std::move(list)}};
  json["memory"] = {{"budget_bytes", memory.budget_bytes},
                    {"planned_bytes", memory.planned_bytes},
                    {"process_bytes", memory.process_bytes},
                    {"anonymous_bytes", memory.anonymous_bytes},
                    {"mapped_bytes", memory.mapped_bytes}};
  return json;
}

Json show_json(const serving::ModelDetails& details) {
  const serving::ModelCard& card = details.card;
  Json info = Json::object();
  if (details.metadata.is_map()) {
    for (const auto& [key, value] : details.metadata.as_map()) {
      if (key != "tokenizer.chat_template") info[key] = to_json(value);
    }
  }
  info["general.parameter_count"] = card.parameters;
  const serving::ModelDefaults& defaults = details.defaults;
  const std::string parameters = parameters_text(card, defaults);
  Json json = Json::object();
  if (!defaults.licenses.empty()) {
    json["license"] = fmt::format("{}", fmt::join(defaults.licenses, "\n"));
  } else if (!card.license.empty()) {
    json["license"] = card.license;
  }
  json["modelfile"] = modelfile_text(details);
  if (!parameters.empty()) json["parameters"] = parameters;
  json["template"] = details.chat_template;
  if (!defaults.system.empty()) json["system"] = defaults.system;
  if (!defaults.messages.empty()) {
    json["messages"] = Json::array();
    for (const auto& message : defaults.messages) {
      json["messages"].push_back({{"role", message.role}, {"content", message.content}});
    }
  }
  json["details"] = details_json(details.summary);
  json["model_info"] = std::move(info);
  json["capabilities"] = capabilities_json(card.capabilities);
  json["modified_at"] = rfc3339_seconds(details.summary.modified_unix_seconds);
  return json;
}

}  // namespace hearth::api::ollama
