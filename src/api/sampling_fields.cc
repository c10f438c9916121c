#include "api/sampling_fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/duration.h"

namespace hearth::api {
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
  if (v < 0) return std::nullopt;  // -1, and -2 of old clients: until the context is full
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
    {"n_predict", true, -2, kMaxTokens, [](auto& r, double v) { r.max_tokens = token_cap(v); }},
    {"num_predict", true, -2, kMaxTokens, [](auto& r, double v) { r.max_tokens = token_cap(v); }},
    {"max_tokens", true, -1, kMaxTokens, [](auto& r, double v) { r.max_tokens = token_cap(v); }},
    {"max_completion_tokens", true, -1, kMaxTokens, [](auto& r, double v) { r.max_tokens = token_cap(v); }},
};

Parsed<std::optional<uint64_t>> read_seed(const Json& object, const std::string& shown_name) {
  const Json* seed = find(object, "seed");
  if (seed == nullptr) return std::nullopt;
  if (seed->is_number_unsigned()) return seed->get<uint64_t>();
  if (seed->is_number_integer()) {
    const auto number = seed->get<int64_t>();
    if (number == -1) return std::nullopt;  // llama-server's "draw one"
    return static_cast<uint64_t>(number);
  }
  return refuse(shown_name, shown(*seed) + ", must be an integer of 64 bits");
}

Parsed<std::pair<int32_t, float>> bias(const Json& id, const Json& value, const std::string& shown_name) {
  int32_t token = -1;
  if (id.is_number_integer()) {
    const auto number = id.get<int64_t>();
    if (number >= 0 && number <= kMaxTokens) token = static_cast<int32_t>(number);
  } else if (id.is_string()) {
    const auto& text = id.get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), token);
    if (error != std::errc() || end != text.data() + text.size()) token = -1;
  }
  if (token < 0) return refuse(shown_name, "a key must be a token id: a whole number of 0 or more");
  if (value.is_boolean() && !value.get<bool>()) return std::pair(token, -100.0f);  // llama-server's ban
  HEARTH_API_TRY(const double number, checked_number(value, shown_name, false, -100, 100));
  return std::pair(token, to_float(number));
}

Parsed<std::vector<std::pair<int32_t, float>>> read_biases(const Json& object,
                                                           const std::string& shown_name) {
  const Json* field = find(object, "logit_bias");
  std::vector<std::pair<int32_t, float>> biases;
  if (field == nullptr) return biases;
  if (!field->is_object() && !field->is_array()) {
    return refuse(shown_name, shown(*field) + ", must be an object of token id to number");
  }
  if (field->size() > kMaxBiases) {
    return refuse(shown_name,
                  fmt::format("has {} entries, at most {} are allowed", field->size(), kMaxBiases));
  }
  if (field->is_object()) {
    for (const auto& [key, value] : field->items()) {
      HEARTH_API_TRY(auto entry, bias(Json(key), value, shown_name));
      biases.push_back(entry);
    }
    return biases;
  }
  for (const Json& item : *field) {
    if (!item.is_array() || item.size() != 2)
      return refuse(shown_name, "a list must hold pairs [token id, number]");
    HEARTH_API_TRY(auto entry, bias(item[0], item[1], shown_name));
    biases.push_back(entry);
  }
  return biases;
}

}  // namespace

Parsed<std::vector<std::string>> read_stops(const Json& object, std::string_view name,
                                            std::string_view shown_name) {
  const Json* stop = find(object, name);
  if (stop == nullptr) return std::vector<std::string>();
  const Json list = stop->is_string() ? Json::array({*stop}) : *stop;
  if (!list.is_array())
    return refuse(std::string(shown_name), shown(list) + ", must be a string or a list of strings");
  if (list.size() > kMaxStops) {
    return refuse(std::string(shown_name),
                  fmt::format("has {} strings, at most {} are allowed", list.size(), kMaxStops));
  }
  std::vector<std::string> stops;
  for (const Json& item : list) {
    if (!item.is_string()) return refuse(std::string(shown_name), "must hold strings only");
    auto text = item.get<std::string>();
    if (text.size() > kMaxStopBytes) {
      return refuse(std::string(shown_name),
                    fmt::format("a string of {} bytes, at most {} are allowed", text.size(), kMaxStopBytes));
    }
    if (!text.empty()) stops.push_back(std::move(text));  // an empty one would match everywhere
  }
  return stops;
}

Parsed<void> read_sampling_fields(const Json& object, std::string_view prefix, GenerationRequest& request) {
  const auto shown_name = [&](std::string_view name) { return std::string(prefix) + std::string(name); };
  for (const NumberField& field : kNumberFields) {
    const Json* value = find(object, field.name);
    if (value == nullptr) continue;
    HEARTH_API_TRY(const double number,
                   checked_number(*value, shown_name(field.name), field.integer, field.low, field.high));
    field.store(request, number);
  }
  HEARTH_API_TRY(const auto seed, read_seed(object, shown_name("seed")));
  if (seed) request.sampling.seed = seed;
  HEARTH_API_TRY(auto stops, read_stops(object, "stop", shown_name("stop")));
  if (!stops.empty()) request.stop = std::move(stops);
  HEARTH_API_TRY(auto biases, read_biases(object, shown_name("logit_bias")));
  if (!biases.empty()) request.sampling.logit_bias = std::move(biases);
  HEARTH_API_TRY(request.ignore_end_of_generation,
                 read_bool(object, "ignore_eos", request.ignore_end_of_generation));
  return {};
}

Parsed<void> read_logprobs(const Json& object, GenerationRequest& request) {
  HEARTH_API_TRY(request.logprobs, read_bool(object, "logprobs", false));
  HEARTH_API_TRY(const auto top, read_integer(object, "top_logprobs", 0, kMaxTopLogprobs));
  request.top_logprobs = static_cast<int>(top.value_or(0));
  if (request.top_logprobs > 0 && !request.logprobs) {
    return refuse("top_logprobs", "needs logprobs to be true");
  }
  return {};
}

Parsed<std::optional<serving::KeepAlive>> read_keep_alive(const Json& body) {
  const Json* field = find(body, "keep_alive");
  if (field == nullptr) return std::nullopt;
  if (field->is_string()) {
    const auto duration = parse_duration(field->get_ref<const std::string&>());
    if (!duration) return refuse("keep_alive", duration.error().message);
    return duration->count() < 0 ? serving::kKeepForever : serving::KeepAlive(*duration);
  }
  if (!field->is_number()) {
    return refuse("keep_alive",
                  shown(*field) + ", must be a number of seconds or a duration such as \"10m\"");
  }
  const double ms = field->get<double>() * 1000;
  if (ms < 0 || ms >= 9e18) return serving::kKeepForever;
  return serving::KeepAlive(static_cast<int64_t>(std::ceil(ms)));
}

Parsed<void> read_num_ctx(const Json& options, serving::GenerationRequest& request) {
  HEARTH_API_TRY(const auto context, read_integer(options, "num_ctx", 0, kMaxTokens));
  if (context.value_or(0) > 0) request.context_length = context;  // 0 = as much as there is
  return {};
}

}  // namespace hearth::api
