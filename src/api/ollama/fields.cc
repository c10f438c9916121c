#include "api/ollama/fields.h"

#include <algorithm>
#include <cmath>

#include "api/sampling_fields.h"

namespace hearth::api::ollama {
namespace {

enum class OptionType { kInteger, kNumber, kBoolean, kStrings };

struct Option {
  std::string_view name;
  OptionType type;
  bool sampling;  // read with the sampling fields of all dialects
};

// Options that are not here are unknown, also those that Ollama once had.
constexpr Option kOptions[] = {
    {"num_predict", OptionType::kInteger, true},
    {"seed", OptionType::kInteger, true},
    {"top_k", OptionType::kInteger, true},
    {"top_p", OptionType::kNumber, true},
    {"min_p", OptionType::kNumber, true},
    {"typical_p", OptionType::kNumber, true},
    {"repeat_last_n", OptionType::kInteger, true},
    {"temperature", OptionType::kNumber, true},
    {"repeat_penalty", OptionType::kNumber, true},
    {"presence_penalty", OptionType::kNumber, true},
    {"frequency_penalty", OptionType::kNumber, true},
    {"stop", OptionType::kStrings, true},
    {"num_ctx", OptionType::kInteger, false},
    // How a model is run is the server's decision; their types are checked all the same.
    {"num_keep", OptionType::kInteger, false},
    {"num_batch", OptionType::kInteger, false},
    {"num_gpu", OptionType::kInteger, false},
    {"main_gpu", OptionType::kInteger, false},
    {"num_thread", OptionType::kInteger, false},
    {"draft_num_predict", OptionType::kInteger, false},
    {"use_mmap", OptionType::kBoolean, false},
};

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::kInteger:
      return "integer";
    case OptionType::kNumber:
      return "float32";
    case OptionType::kBoolean:
      return "boolean";
    case OptionType::kStrings:
      return "array";
  }
  return "";
}

bool fits(OptionType type, const Json& value) {
  switch (type) {
    case OptionType::kInteger:  // clients without integers send 40.0
    case OptionType::kNumber:
      return value.is_number();
    case OptionType::kBoolean:
      return value.is_boolean();
    case OptionType::kStrings:
      return value.is_array();
  }
  return false;
}

// 40.0 as 40; what is not whole stays, and is refused where its range is checked.
Json as_integer(const Json& value) {
  if (!value.is_number_float()) return value;
  const auto number = value.get<double>();
  if (number != std::floor(number) || std::fabs(number) > 9e15) return value;
  return static_cast<int64_t>(number);
}

}  // namespace

tl::unexpected<ApiError> refuse_with(std::string message) {
  return tl::unexpected<ApiError>(http_error(400, std::move(message)));
}

Parsed<Json> read_body(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return refuse_with("missing request body");
  return read_object(body);
}

Parsed<std::string> read_model(const Json& body) {
  const char* name = find(body, "model") != nullptr ? "model" : "name";
  return read_string(body, name, name, kMaxNameBytes);
}

Parsed<void> read_options(const Json& body, serving::GenerationRequest& request) {
  const Json* options = find(body, "options");
  if (options == nullptr) return {};
  if (!options->is_object()) return refuse("options", shown(*options) + ", must be an object");
  Json sampling = Json::object();
  for (const Option& option : kOptions) {
    const Json* value = find(*options, option.name);
    if (value == nullptr) continue;
    if (!fits(option.type, *value)) {
      return refuse_with(
          fmt::format("option \"{}\" must be of type {}", option.name, type_name(option.type)));
    }
    if (!option.sampling) continue;
    sampling[std::string(option.name)] = option.type == OptionType::kInteger ? as_integer(*value) : *value;
  }
  HEARTH_API_CHECK(read_sampling_fields(sampling, "options.", request));
  return read_num_ctx(*options, request);
}

Parsed<serving::OutputFormat> read_format(const Json& body) {
  const Json* format = find(body, "format");
  if (format == nullptr || *format == "") return serving::OutputFormat();
  if (*format == "json") return serving::OutputFormat(serving::JsonObjectFormat{});
  if (format->is_object()) return serving::OutputFormat(serving::JsonSchemaFormat{.schema = dump(*format)});
  return refuse_with(fmt::format("invalid format: {}; expected \"json\" or a valid JSON Schema object",
                                 dump(*format).substr(0, 100)));
}

Parsed<Thinking> read_think(const Json& body) {
  const Json* think = find(body, "think");
  if (think == nullptr) return Thinking{};
  if (think->is_boolean()) return Thinking{.wanted = think->get<bool>(), .level = {}};
  for (const char* level : {"low", "medium", "high"}) {
    if (*think == level) return Thinking{.wanted = true, .level = level};
  }
  if (*think == "max") return Thinking{.wanted = true, .level = "high"};  // the most that templates know
  return refuse_with(
      fmt::format("invalid think value: {} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)",
                  dump(*think).substr(0, 100)));
}

void apply(const Thinking& thinking, serving::ChatPrompt& prompt) {
  prompt.thinking = thinking.wanted;
  if (thinking.level.empty()) return;
  prompt.template_arguments.set("reasoning_effort", text::Value(thinking.level));
}

Parsed<void> refuse_images(const Json& object, const std::string& shown_name) {
  const Json* images = find(object, "images");
  if (images == nullptr || (images->is_array() && images->empty())) return {};
  return refuse(shown_name, "this server does not read images yet");
}

Parsed<DialectRequest> read_shared_fields(const Json& body) {
  DialectRequest request;
  serving::GenerationRequest& generation = request.generation;
  HEARTH_API_TRY(generation.model, read_model(body));
  HEARTH_API_TRY(request.stream, read_bool(body, "stream", true));
  HEARTH_API_TRY(generation.keep_alive, read_keep_alive(body));
  HEARTH_API_CHECK(read_options(body, generation));
  HEARTH_API_TRY(generation.format, read_format(body));
  HEARTH_API_TRY(generation.truncate, read_bool(body, "truncate", true));
  // An answer ends where the context does; sliding the window would forget what the answer is about.
  HEARTH_API_CHECK(read_bool(body, "shift", true));
  HEARTH_API_CHECK(read_logprobs(body, generation));
  HEARTH_API_TRY(request.render_only, read_bool(body, "_debug_render_only", false));
  return request;
}

}  // namespace hearth::api::ollama
