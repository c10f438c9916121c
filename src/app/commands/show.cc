// show: what a model is.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/terminal_text.h"
#include "serving/model_card.h"

namespace hearth::app {
namespace {

using api::Json;
using serving::ModelCard;

struct ShowOptions {
  std::string model;
  bool json = false;
  bool metadata = false;
  bool tensors = false;
  bool chat_template = false;
  bool license = false;
  bool parameters = false;
  bool system = false;
  bool modelfile = false;
};

constexpr size_t kShownElements = 6;  // of an array, in the table for people

Json number_or_null(const std::optional<uint64_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

std::string pretty(const Json& json) {
  return json.dump(2, ' ', false, nlohmann::detail::error_handler_t::replace) + "\n";
}

std::vector<std::string_view> capability_names(const serving::ModelCapabilities& can) {
  std::vector<std::string_view> names;
  if (can.completion) names.push_back("completion");
  if (can.chat) names.push_back("chat");
  if (can.tools) names.push_back("tools");
  if (can.thinking) names.push_back("thinking");
  if (can.embedding) names.push_back("embedding");
  if (can.vision) names.push_back("vision");
  return names;
}

Json card_json(const ModelCard& card) {
  Json json;
  json["name"] = card.name;
  json["architecture"] = card.architecture;
  json["parameters"] = card.parameters;
  json["size_bytes"] = card.size_bytes;
  json["shards"] = card.shards;
  json["gguf_version"] = card.gguf_version;
  json["tensors"] = card.tensors;
  json["quantisation"] = Json::array();
  for (const serving::TensorTypeShare& share : card.quantisation) {
    json["quantisation"].push_back({{"type", kernels::traits_of(share.dtype).name},
                                    {"tensors", share.tensors},
                                    {"parameters", share.parameters},
                                    {"bytes", share.bytes}});
  }
  json["context_length"] = number_or_null(card.context_length);
  json["embedding_length"] = number_or_null(card.embedding_length);
  json["layers"] = number_or_null(card.layers);
  json["heads"] = number_or_null(card.heads);
  json["kv_heads"] = number_or_null(card.kv_heads);
  if (card.experts) json["experts"] = *card.experts;
  if (card.experts_used) json["experts_used"] = *card.experts_used;
  json["tokenizer"] = card.tokenizer;
  json["pre_tokenizer"] = card.pre_tokenizer;
  json["vocabulary_size"] = card.vocabulary_size;
  json["has_chat_template"] = card.has_chat_template;
  json["capabilities"] = capability_names(card.capabilities);
  json["sampling"] = {{"from_file", card.has_sampling},
                      {"temperature", card.sampling.temperature},
                      {"top_k", card.sampling.top_k},
                      {"top_p", card.sampling.top_p},
                      {"min_p", card.sampling.min_p},
                      {"repetition_penalty", card.sampling.repetition_penalty},
                      {"penalty_window", card.sampling.penalty_window}};
  json["author"] = card.author;
  json["organization"] = card.organization;
  json["version"] = card.version;
  json["description"] = card.description;
  json["license"] = card.license;
  json["url"] = card.url;
  json["warnings"] = card.warnings;
  return json;
}

void row(std::string& out, std::string_view label, std::string_view value) {
  if (!value.empty()) out += fmt::format("  {:<17} {}\n", label, visible_line(value));
}

void row(std::string& out, std::string_view label, const std::optional<uint64_t>& value) {
  if (value) row(out, label, fmt::format("{}", *value));
}

std::string first_line(std::string_view text) {
  const size_t end = text.find('\n');
  return end == std::string_view::npos ? std::string(text) : fmt::format("{} …", text.substr(0, end));
}

std::string card_table(const ModelCard& card) {
  std::string out = fmt::format("{}\n\nModel\n", visible_line(card.name));
  row(out, "architecture", card.architecture);
  row(out, "parameters",
      fmt::format("{}{}", human_count(card.parameters),
                  card.size_label.empty() ? "" : fmt::format(" (\"{}\")", card.size_label)));
  row(out, "size",
      fmt::format("{}{}", human_bytes(card.size_bytes),
                  card.shards > 1 ? fmt::format(" in {} files", card.shards) : ""));
  row(out, "context length", card.context_length);
  row(out, "embedding length", card.embedding_length);
  row(out, "layers", card.layers);
  row(out, "attention heads",
      card.heads ? fmt::format("{}{}", *card.heads,
                               card.kv_heads && card.kv_heads != card.heads
                                   ? fmt::format(" ({} for keys and values)", *card.kv_heads)
                                   : "")
                 : "");
  if (card.experts) {
    row(out, "experts",
        fmt::format("{}{}", *card.experts,
                    card.experts_used ? fmt::format(", {} used for a token", *card.experts_used) : ""));
  }
  row(out, "vocabulary", card.vocabulary_size == 0 ? "" : fmt::format("{} tokens", card.vocabulary_size));
  row(out, "tokenizer",
      card.pre_tokenizer.empty() ? card.tokenizer
                                 : fmt::format("{} ({})", card.tokenizer, card.pre_tokenizer));
  row(out, "chat template", card.has_chat_template ? "its own" : "none; chats are written in ChatML");
  row(out, "can do", fmt::format("{}", fmt::join(capability_names(card.capabilities), ", ")));
  row(out, "format", fmt::format("GGUF version {}", card.gguf_version));

  if (!card.quantisation.empty()) out += "\nTensors\n";
  for (const serving::TensorTypeShare& share : card.quantisation) {
    row(out, kernels::traits_of(share.dtype).name,
        fmt::format("{:>5} {:<8} {:>9} parameters {:>9}", share.tensors,
                    share.tensors == 1 ? "tensor" : "tensors", human_count(share.parameters),
                    human_bytes(share.bytes)));
  }
  if (card.has_sampling) {
    const engine::SamplingParams& sampling = card.sampling;
    out += "\nSampling its author recommends\n";
    row(out, "temperature", fmt::format("{}", sampling.temperature));
    row(out, "top_k", fmt::format("{}", sampling.top_k));
    row(out, "top_p", fmt::format("{}", sampling.top_p));
    row(out, "min_p", fmt::format("{}", sampling.min_p));
    row(out, "repetition_penalty", fmt::format("{}", sampling.repetition_penalty));
  }
  std::string about;
  row(about, "author", card.author);
  row(about, "organization", card.organization);
  row(about, "version", card.version);
  row(about, "description", first_line(card.description));
  row(about, "license", first_line(card.license));
  row(about, "url", card.url);
  if (!about.empty()) out += "\nAbout\n" + about;
  for (const std::string& warning : card.warnings)
    out += fmt::format("\nwarning: {}\n", visible_line(warning));
  return out;
}

// The values of an array entry, by kind, through the checked conversions of the metadata.
Result<Json> array_json(const gguf::Metadata& metadata, const gguf::MetadataEntry& entry) {
  const auto& array = std::get<gguf::Array>(entry.value);
  Json values = Json::array();
  switch (array.element_type) {
    case gguf::ValueType::kString:
      for (const std::string_view item : array.strings) values.push_back(item);
      return values;
    case gguf::ValueType::kFloat32:
    case gguf::ValueType::kFloat64: {
      HEARTH_TRY(const auto numbers, metadata.get_float_array(entry.key));
      for (const float number : numbers.value_or(std::vector<float>())) values.push_back(number);
      return values;
    }
    default: {
      HEARTH_TRY(const auto numbers, metadata.get_int_array(entry.key));
      const bool booleans = array.element_type == gguf::ValueType::kBool;
      for (const int64_t number : numbers.value_or(std::vector<int64_t>()))
        values.push_back(booleans ? Json(number != 0) : Json(number));
      return values;
    }
  }
}

Result<Json> value_json(const gguf::Metadata& metadata, const gguf::MetadataEntry& entry) {
  if (std::holds_alternative<gguf::Array>(entry.value)) return array_json(metadata, entry);
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, gguf::Array>) {
          return nullptr;
        } else {
          return value;
        }
      },
      entry.value);
}

Result<std::string> metadata_line(const gguf::Metadata& metadata, const gguf::MetadataEntry& entry) {
  HEARTH_TRY(const Json value, value_json(metadata, entry));
  std::string text;
  if (const auto* array = std::get_if<gguf::Array>(&entry.value)) {
    text = fmt::format("{} {}: ", array->count, gguf::value_type_name(array->element_type));
    for (size_t i = 0; i < std::min<size_t>(value.size(), kShownElements); ++i) {
      text.append(i == 0 ? "" : ", ").append(api::dump(value[i]));
    }
    if (value.size() > kShownElements) text += ", …";
  } else if (value.is_string()) {
    const std::string whole = value.get<std::string>();
    text = first_line(whole);
  } else {
    text = api::dump(value);
  }
  return fmt::format("{:<44} {:<8} {}\n", visible_line(entry.key), gguf::value_type_name(entry.type),
                     visible_line(text));
}

Status show_metadata(const gguf::ModelFile& file, const ShowOptions& options,
                     const Environment& environment) {
  Json all = Json::object();
  for (const gguf::MetadataEntry& entry : file.metadata().entries()) {
    if (options.json) {
      HEARTH_TRY(all[std::string(entry.key)], value_json(file.metadata(), entry));
    } else {
      HEARTH_TRY(const std::string line, metadata_line(file.metadata(), entry));
      environment.print(line);
    }
  }
  if (options.json) environment.print(pretty(all));
  return {};
}

void show_tensors(const gguf::ModelFile& file, const ShowOptions& options, const Environment& environment) {
  Json all = Json::array();
  size_t width = 4;
  for (const gguf::TensorInfo& tensor : file.tensors()) width = std::max(width, tensor.name.size());
  width = std::min<size_t>(width, 60);
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const std::string_view type = kernels::traits_of(tensor.dtype).name;
    if (options.json) {
      Json shape = Json::array();
      for (uint32_t i = 0; i < tensor.n_dims; ++i) shape.push_back(tensor.dims[i]);
      all.push_back(
          {{"name", tensor.name}, {"type", type}, {"shape", shape}, {"bytes", tensor.bytes.size()}});
    } else {
      environment.print(fmt::format("{:<{}}  {:<7} {:>9}  {}\n", visible_line(tensor.name), width, type,
                                    human_bytes(tensor.bytes.size()), tensor.shape_string()));
    }
  }
  if (options.json) environment.print(pretty(all));
}

Status show_text(std::string_view text, std::string_view key, const ShowOptions& options,
                 const Environment& environment) {
  if (options.json) {
    environment.print(pretty(Json{{std::string(key), text}}));
    return {};
  }
  environment.print_untrusted(text);
  if (!text.ends_with('\n')) environment.print("\n");
  return {};
}

// One text alone: the store's, or else the file's.
Status show_text_of(const gguf::ModelFile& file, std::string stored, const ShowOptions& options,
                    std::string_view key, std::string_view what, const Environment& environment) {
  if (stored.empty()) {
    HEARTH_TRY(const auto text, file.metadata().get_string(key));
    if (!text) return fail(ErrorCategory::kNotFound, "{} carries no {} ({})", options.model, what, key);
    stored = *text;
  }
  return show_text(stored, key, options, environment);
}

std::string parameter_lines(const serving::ModelDefaults& defaults) {
  std::string text;
  for (const auto& parameter : defaults.parameters) {
    text += fmt::format("{:<20} {}\n", parameter.name, visible_line(parameter.value));
  }
  return text;
}

Result<std::string> modelfile_of(const ModelArgument& model) {
  store::Modelfile modelfile;
  modelfile.from.push_back(store::weights_for_from(model.name, model.files.front(), model.files.size()));
  const serving::ModelDefaults& defaults = model.defaults;
  modelfile.parameters = defaults.parameters;
  if (!defaults.chat_template.empty()) modelfile.template_text = defaults.chat_template;
  if (!defaults.system.empty()) modelfile.system = defaults.system;
  modelfile.licenses = defaults.licenses;
  for (const auto& message : defaults.messages) modelfile.messages.push_back({message.role, message.content});
  return store::write_modelfile(modelfile);
}

// What the store says on top of the file.
std::string defaults_table(const serving::ModelDefaults& defaults) {
  std::string out;
  if (!defaults.parameters.empty()) out += "\nParameters\n";
  for (const auto& parameter : defaults.parameters) row(out, parameter.name, parameter.value);
  std::string words;
  row(words, "template", defaults.chat_template.empty() ? "" : "of the store, instead of the file's");
  row(words, "system", first_line(defaults.system));
  row(words, "messages", defaults.messages.empty() ? "" : std::to_string(defaults.messages.size()));
  for (const std::string& license : defaults.licenses) row(words, "license", first_line(license));
  if (!words.empty()) out += "\nWords\n" + words;
  for (const std::string& warning : defaults.warnings)
    out += fmt::format("\nwarning: {}\n", visible_line(warning));
  return out;
}

Json defaults_json(const serving::ModelDefaults& defaults) {
  Json json = Json::object();
  json["parameters"] = Json::array();
  for (const auto& parameter : defaults.parameters)
    json["parameters"].push_back({parameter.name, parameter.value});
  json["template"] = defaults.chat_template;
  json["system"] = defaults.system;
  json["messages"] = Json::array();
  for (const auto& message : defaults.messages) {
    json["messages"].push_back({{"role", message.role}, {"content", message.content}});
  }
  json["licenses"] = defaults.licenses;
  json["warnings"] = defaults.warnings;
  return json;
}

Status run_show(const ShowOptions& options, Environment& environment) {
  if (options.metadata + options.tensors + options.chat_template + options.license + options.parameters +
          options.system + options.modelfile >
      1) {
    return fail(
        ErrorCategory::kInvalidArgument,
        "only one of --metadata, --tensors, --template, --license, --parameters, --system and --modelfile "
        "can be shown at a time");
  }
  HEARTH_TRY(const ModelArgument model, find_model(options.model, environment.variables));
  const serving::ModelDefaults& defaults = model.defaults;
  HEARTH_TRY(const gguf::ModelFile file, open_model_file(model));
  if (options.metadata) return show_metadata(file, options, environment);
  if (options.chat_template) {
    return show_text_of(file, defaults.chat_template, options, "tokenizer.chat_template", "chat template",
                        environment);
  }
  if (options.license) {
    return show_text_of(file, fmt::format("{}", fmt::join(defaults.licenses, "\n")), options,
                        "general.license", "license", environment);
  }
  if (options.parameters) return show_text(parameter_lines(defaults), "parameters", options, environment);
  if (options.system) return show_text(defaults.system, "system", options, environment);
  if (options.modelfile) {
    HEARTH_TRY(const std::string text, modelfile_of(model));
    return show_text(text, "modelfile", options, environment);
  }
  if (options.tensors) {
    show_tensors(file, options, environment);
    return {};
  }
  HEARTH_TRY(const ModelCard card, serving::read_model_card(file));
  if (options.json) {
    Json json = card_json(card);
    if (model.in_store) {
      json["store_name"] = model.name;
      json["defaults"] = defaults_json(defaults);
    }
    environment.print(pretty(json));
    return {};
  }
  environment.print(card_table(card));
  environment.print(defaults_table(defaults));
  return {};
}

}  // namespace

void add_show(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = app.add_subcommand("show", "Show what a model is");
  command->add_option("MODEL", options->model, "A model of the store, or the path of a GGUF file")
      ->required();
  command->add_flag("--json", options->json, "Print JSON");
  command->add_flag("--metadata", options->metadata, "Show all metadata");
  command->add_flag("--tensors", options->tensors, "Show all tensors");
  command->add_flag("--template", options->chat_template, "Show the chat template");
  command->add_flag("--license", options->license, "Show the license");
  command->add_flag("--parameters", options->parameters, "Show the parameters that its store has");
  command->add_flag("--system", options->system, "Show the system prompt that its store has");
  command->add_flag("--modelfile", options->modelfile, "Show it as a Modelfile");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_show(*options, environment); };
  });
}

}  // namespace hearth::app
