#include "api/openai/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hearth::api::openai {
namespace {

using serving::GenerationRequest;

constexpr float kSmallest = 1e-6f;  // "only the likeliest token", for clients that write top_p 0

struct NumberField {
  std::string_view name;
  bool integer;
  double low, high;  // inclusive
  void (*store)(GenerationRequest&, double);
};

int to_int(double v) {
  return static_cast<int>(v);
}
float to_float(double v) {
  return static_cast<float>(v);
}
float at_least_smallest(double v) {
  return std::max(static_cast<float>(v), kSmallest);
}
std::optional<int64_t> token_cap(double v) {
  if (v < 0) return std::nullopt;  // -1: until the context is full
  return static_cast<int64_t>(v);
}

// A later line wins over an earlier one for the same wish.
constexpr NumberField kNumberFields[] = {
    {"temperature", false, 0, 100, [](auto& r, double v) { r.sampling.temperature = to_float(v); }},
    {"top_p", false, 0, 1, [](auto& r, double v) { r.sampling.top_p = at_least_smallest(v); }},
    {"top_k", true, -1, 1e9, [](auto& r, double v) { r.sampling.top_k = std::max(0, to_int(v)); }},
    {"min_p", false, 0, 1, [](auto& r, double v) { r.sampling.min_p = to_float(v); }},
    {"typical_p", false, 0, 1, [](auto& r, double v) { r.sampling.typical_p = at_least_smallest(v); }},
    {"frequency_penalty", false, -2, 2,
     [](auto& r, double v) { r.sampling.frequency_penalty = to_float(v); }},
    {"presence_penalty", false, -2, 2, [](auto& r, double v) { r.sampling.presence_penalty = to_float(v); }},
    {"repetition_penalty", false, 0.01, 100,
     [](auto& r, double v) { r.sampling.repetition_penalty = to_float(v); }},
    {"repeat_penalty", false, 0.01, 100,
     [](auto& r, double v) { r.sampling.repetition_penalty = to_float(v); }},
    {"repeat_last_n", true, -1, 1e9, [](auto& r, double v) { r.sampling.penalty_window = to_int(v); }},
    {"max_tokens", true, -1, kMaxTokens, [](auto& r, double v) { r.max_tokens = token_cap(v); }},
    {"max_completion_tokens", true, -1, kMaxTokens, [](auto& r, double v) { r.max_tokens = token_cap(v); }},
};

std::string shown_number(double v) {
  return fmt::format("{:.10g}", v);
}

std::string range_text(bool integer, double low, double high) {
  return fmt::format("must be {} between {} and {}", integer ? "an integer" : "a number", shown_number(low),
                     shown_number(high));
}

// What was sent, for a message: numbers as they are, other things by their type.
std::string shown(const Json& value) {
  if (value.is_number()) return "is " + value.dump();
  return fmt::format("is a value of type {}", value.type_name());
}

Parsed<double> checked_number(const Json& value, std::string_view name, bool integer, double low,
                              double high) {
  const std::string problem = fmt::format("{}, {}", shown(value), range_text(integer, low, high));
  if (!value.is_number()) return refuse(std::string(name), problem);
  const double number = value.get<double>();
  if (!(number >= low && number <= high) || (integer && number != std::floor(number))) {
    return refuse(std::string(name), problem);
  }
  return number;
}

Parsed<std::optional<uint64_t>> read_seed(const Json& body) {
  const Json* seed = find(body, "seed");
  if (seed == nullptr) return std::nullopt;
  if (seed->is_number_unsigned()) return seed->get<uint64_t>();
  if (seed->is_number_integer()) {
    const auto number = seed->get<int64_t>();
    if (number == -1) return std::nullopt;  // llama-server's "draw one"
    return static_cast<uint64_t>(number);
  }
  return refuse("seed", shown(*seed) + ", must be an integer of 64 bits");
}

Parsed<std::vector<std::string>> read_stops(const Json& body) {
  const Json* stop = find(body, "stop");
  if (stop == nullptr) return std::vector<std::string>();
  const Json list = stop->is_string() ? Json::array({*stop}) : *stop;
  if (!list.is_array()) return refuse("stop", shown(list) + ", must be a string or a list of strings");
  if (list.size() > kMaxStops) {
    return refuse("stop", fmt::format("has {} strings, at most {} are allowed", list.size(), kMaxStops));
  }
  std::vector<std::string> stops;
  for (const Json& item : list) {
    if (!item.is_string()) return refuse("stop", "must hold strings only");
    auto text = item.get<std::string>();
    if (text.size() > kMaxStopBytes) {
      return refuse("stop",
                    fmt::format("a string of {} bytes, at most {} are allowed", text.size(), kMaxStopBytes));
    }
    if (!text.empty()) stops.push_back(std::move(text));  // an empty one would match everywhere
  }
  return stops;
}

Parsed<std::pair<int32_t, float>> bias(const Json& id, const Json& value) {
  int32_t token = -1;
  if (id.is_number_integer()) {
    const auto number = id.get<int64_t>();
    if (number >= 0 && number <= kMaxTokens) token = static_cast<int32_t>(number);
  } else if (id.is_string()) {
    const auto& text = id.get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token);
    if (error != std::errc() || end != text.data() + text.size()) token = -1;
  }
  if (token < 0) return refuse("logit_bias", "a key must be a token id: a whole number of 0 or more");
  if (value.is_boolean() && !value.get<bool>()) return std::pair(token, -100.0f);  // llama-server's ban
  HEARTH_API_TRY(const double number, checked_number(value, "logit_bias", false, -100, 100));
  return std::pair(token, to_float(number));
}

Parsed<std::vector<std::pair<int32_t, float>>> read_biases(const Json& body) {
  const Json* field = find(body, "logit_bias");
  std::vector<std::pair<int32_t, float>> biases;
  if (field == nullptr) return biases;
  if (!field->is_object() && !field->is_array()) {
    return refuse("logit_bias", shown(*field) + ", must be an object of token id to number");
  }
  if (field->size() > kMaxBiases) {
    return refuse("logit_bias",
                  fmt::format("has {} entries, at most {} are allowed", field->size(), kMaxBiases));
  }
  if (field->is_object()) {
    for (const auto& [key, value] : field->items()) {
      HEARTH_API_TRY(auto entry, bias(Json(key), value));
      biases.push_back(entry);
    }
    return biases;
  }
  for (const Json& item : *field) {
    if (!item.is_array() || item.size() != 2)
      return refuse("logit_bias", "a list must hold pairs [token id, number]");
    HEARTH_API_TRY(auto entry, bias(item[0], item[1]));
    biases.push_back(entry);
  }
  return biases;
}

}  // namespace

const Json* find(const Json& object, std::string_view name) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return nullptr;
  return &*member;
}

Parsed<bool> read_bool(const Json& object, std::string_view name, bool otherwise) {
  const Json* field = find(object, name);
  if (field == nullptr) return otherwise;
  if (!field->is_boolean()) return refuse(std::string(name), shown(*field) + ", must be true or false");
  return field->get<bool>();
}

Parsed<std::optional<int64_t>> read_integer(const Json& object, std::string_view name, int64_t low,
                                            int64_t high) {
  const Json* field = find(object, name);
  if (field == nullptr) return std::nullopt;
  HEARTH_API_TRY(const double number,
                 checked_number(*field, name, true, static_cast<double>(low), static_cast<double>(high)));
  return static_cast<int64_t>(number);
}

Parsed<std::string> read_string(const Json& object, std::string_view name, std::string_view shown_name,
                                size_t max_bytes) {
  const Json* field = find(object, name);
  if (field == nullptr) return std::string();
  if (!field->is_string()) return refuse(std::string(shown_name), shown(*field) + ", must be a string");
  auto text = field->get<std::string>();
  if (text.size() > max_bytes) {
    return refuse(std::string(shown_name),
                  fmt::format("has {} bytes, at most {} are allowed", text.size(), max_bytes));
  }
  return text;
}

Parsed<Json> read_object(std::string_view body) {
  Result<Json> json = parse_json(body);
  if (!json) return tl::unexpected<ApiError>(http_error(400, "the body is " + json.error().message));
  if (!json->is_object()) return tl::unexpected<ApiError>(http_error(400, "the body is not a JSON object"));
  return std::move(*json);
}

Parsed<GenerationRequest> read_shared_fields(const Json& body) {
  GenerationRequest request;
  HEARTH_API_TRY(request.model, read_string(body, "model", "model", kMaxNameBytes));
  for (const NumberField& field : kNumberFields) {
    const Json* value = find(body, field.name);
    if (value == nullptr) continue;
    HEARTH_API_TRY(const double number,
                   checked_number(*value, field.name, field.integer, field.low, field.high));
    field.store(request, number);
  }
  HEARTH_API_TRY(request.sampling.seed, read_seed(body));
  HEARTH_API_TRY(request.stop, read_stops(body));
  HEARTH_API_TRY(request.sampling.logit_bias, read_biases(body));
  HEARTH_API_TRY(request.ignore_end_of_generation, read_bool(body, "ignore_eos", false));
  return request;
}

Parsed<ReplyOptions> read_reply_options(const Json& body) {
  ReplyOptions options;
  HEARTH_API_TRY(options.stream, read_bool(body, "stream", false));
  if (const Json* more = find(body, "stream_options")) {
    if (!more->is_object()) return refuse("stream_options", shown(*more) + ", must be an object");
    HEARTH_API_TRY(options.include_usage, read_bool(*more, "include_usage", false));
  }
  HEARTH_API_TRY(auto n, read_integer(body, "n", 1, kMaxChoices));
  options.n = n.value_or(1);
  return options;
}

void add_choices(DialectRequest& request, GenerationRequest generation) {
  for (int64_t i = 0; i < request.reply.n; ++i) {
    GenerationRequest choice = generation;
    if (choice.sampling.seed) *choice.sampling.seed += static_cast<uint64_t>(i);
    request.generations.push_back(std::move(choice));
  }
}

}  // namespace hearth::api::openai
