#include "store/model_layers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hearth::store {

namespace {

using Json = nlohmann::ordered_json;
using Parameter = Modelfile::Parameter;

constexpr double kMaxWhole = 9e15;  // that a number of JSON has for certain

// A parameter's text as a number, with which it was checked.
template <typename Number>
Number read_number(const std::string& text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status add_parameter(std::vector<Parameter>& parameters, const std::string& name, const Json& value) {
  const auto type = parameter_type(name);
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCategory::kInvalidArgument, "the parameter {} must be {}", name, what);
  };
  std::string text;
  switch (*type) {
    case ParameterType::kText:
      if (!value.is_string()) return wrong("a string, or a list of strings");
      text = value.get<std::string>();
      break;
    case ParameterType::kBoolean:
      if (!value.is_boolean()) return wrong("true or false");
      text = value.get<bool>() ? "true" : "false";
      break;
    case ParameterType::kInteger:
      // Clients send 4096.0 as well.
      if (!value.is_number() || std::abs(value.get<double>()) > kMaxWhole ||
          std::floor(value.get<double>()) != value.get<double>()) {
        return wrong("a whole number");
      }
      text = std::to_string(value.get<int64_t>());
      break;
    case ParameterType::kNumber:
      if (!value.is_number()) return wrong("a number");
      text = value.dump();
      break;
  }
  parameters.push_back({name, std::move(text)});
  return {};
}

// "7.6B", "494.03M", "260.03K"
std::string parameter_size(uint64_t n) {
  const auto number = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.1f}B", number / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.2f}M", number / 1e6);
  if (n >= 1000) return fmt::format("{:.2f}K", number / 1e3);
  return std::to_string(n);
}

}  // namespace

Result<std::vector<Parameter>> parameters_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCategory::kInvalidArgument, "the parameters are not a JSON object");
  std::vector<Parameter> parameters;
  for (const auto& [name, value] : json.items()) {
    if (is_former_parameter(name) || value.is_null()) continue;
    if (!parameter_type(name))
      return fail(ErrorCategory::kInvalidArgument, "there is no parameter \"{}\"", name);
    const bool is_list = parameter_type(name) == ParameterType::kText && value.is_array();
    for (const Json& item : is_list ? value : Json::array({value})) {
      HEARTH_CHECK_OK(add_parameter(parameters, name, item));
    }
  }
  return parameters;
}

std::string parameters_to_json(const std::vector<Parameter>& parameters) {
  Json json = Json::object();
  for (const auto& [name, value] : parameters) {
    switch (parameter_type(name).value_or(ParameterType::kText)) {
      case ParameterType::kText:
        json[name].push_back(value);
        break;
      case ParameterType::kBoolean:
        json[name] = value == "true";
        break;
      case ParameterType::kInteger:
        json[name] = read_number<int64_t>(value);
        break;
      case ParameterType::kNumber:
        json[name] = read_number<double>(value);
        break;
    }
  }
  return dumped(json);
}

ModelOverrides merged(ModelOverrides base, const Modelfile& changes) {
  if (changes.template_text) base.template_text = changes.template_text;
  if (changes.system) base.system = changes.system;
  if (!changes.messages.empty()) base.messages = changes.messages;
  std::erase_if(base.parameters, [&](const Parameter& old) {
    return std::any_of(changes.parameters.begin(), changes.parameters.end(),
                       [&](const Parameter& parameter) { return parameter.name == old.name; });
  });
  base.parameters.insert(base.parameters.end(), changes.parameters.begin(), changes.parameters.end());
  for (const std::string& license : changes.licenses) {
    if (std::find(base.licenses.begin(), base.licenses.end(), license) == base.licenses.end()) {
      base.licenses.push_back(license);
    }
  }
  return base;
}

Modelfile modelfile_of(const ModelOverrides& overrides, std::string from) {
  Modelfile file;
  file.from.push_back(std::move(from));
  file.template_text = overrides.template_text;
  file.system = overrides.system;
  file.parameters = overrides.parameters;
  file.messages = overrides.messages;
  file.licenses = overrides.licenses;
  return file;
}

Result<std::vector<Layer>> add_layers(const BlobStore& blobs, const ModelOverrides& overrides) {
  std::vector<Layer> layers;
  const auto add = [&](std::string_view type, std::string_view text) -> Status {
    HEARTH_TRY(Layer layer, blobs.add(type, text));
    layers.push_back(std::move(layer));
    return {};
  };
  if (overrides.template_text) HEARTH_CHECK_OK(add(media_type::kTemplate, *overrides.template_text));
  if (overrides.system) HEARTH_CHECK_OK(add(media_type::kSystem, *overrides.system));
  for (const std::string& license : overrides.licenses) HEARTH_CHECK_OK(add(media_type::kLicense, license));
  if (!overrides.parameters.empty()) {
    HEARTH_CHECK_OK(add(media_type::kParameters, parameters_to_json(overrides.parameters)));
  }
  if (!overrides.messages.empty()) {
    Json list = Json::array();
    for (const auto& [role, content] : overrides.messages)
      list.push_back({{"role", role}, {"content", content}});
    HEARTH_CHECK_OK(add(media_type::kMessages, dumped(list)));
  }
  return layers;
}

Result<Layer> add_config(const BlobStore& blobs, const ImageConfig& config,
                         const std::vector<Layer>& layers) {
  Json digests = Json::array();
  for (const Layer& layer : layers) digests.push_back(layer.digest);
  const Json json = {{"model_format", "gguf"},
                     {"model_family", config.family},
                     {"model_families", Json::array({config.family})},
                     {"model_type", parameter_size(config.parameters)},
                     {"file_type", config.file_type},
                     {"architecture", "amd64"},
                     {"os", "linux"},
                     {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(digests)}}}};
  return blobs.add(media_type::kConfig, dumped(json));
}

}  // namespace hearth::store
