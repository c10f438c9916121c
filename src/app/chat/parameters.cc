#include "app/chat/parameters.h"

#include <charconv>
#include <functional>

namespace hearth::app {
namespace {

using engine::SamplingOverrides;

template <typename... Args>
tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kInvalidArgument, format, std::forward<Args>(args)...);
}

constexpr int64_t kMaxTokens = int64_t{1} << 24;

template <typename T>
Status set_number(std::optional<T>& field, std::string_view name, std::string_view text) {
  if (text == "default") {
    field.reset();
    return {};
  }
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    return invalid("{} is \"{}\", must be {}", name, text,
                   std::is_floating_point_v<T> ? "a number" : "a whole number in its range");
  }
  field = value;
  return {};
}

template <typename T>
std::optional<std::string> shown(const std::optional<T>& field) {
  return field ? std::optional(fmt::format("{}", *field)) : std::nullopt;
}

struct Parameter {
  std::string_view name;
  std::string_view alias;  // Ollama's, where it differs
  Status (*set)(ChatParameters&, std::string_view name, std::string_view value);
  std::optional<std::string> (*show)(const ChatParameters&);
};

template <auto Member>
constexpr Parameter sampling_parameter(std::string_view name, std::string_view alias = {}) {
  return {name, alias,
          [](ChatParameters& p, std::string_view n, std::string_view v) {
            return set_number(p.sampling.*Member, n, v);
          },
          [](const ChatParameters& p) { return shown(p.sampling.*Member); }};
}

constexpr Parameter kParameters[] = {
    sampling_parameter<&SamplingOverrides::temperature>("temperature"),
    sampling_parameter<&SamplingOverrides::top_k>("top_k"),
    sampling_parameter<&SamplingOverrides::top_p>("top_p"),
    sampling_parameter<&SamplingOverrides::min_p>("min_p"),
    sampling_parameter<&SamplingOverrides::typical_p>("typical_p"),
    sampling_parameter<&SamplingOverrides::repetition_penalty>("repetition_penalty", "repeat_penalty"),
    sampling_parameter<&SamplingOverrides::frequency_penalty>("frequency_penalty"),
    sampling_parameter<&SamplingOverrides::presence_penalty>("presence_penalty"),
    sampling_parameter<&SamplingOverrides::penalty_window>("penalty_window", "repeat_last_n"),
    sampling_parameter<&SamplingOverrides::seed>("seed"),
    {"max_tokens", "num_predict",
     [](ChatParameters& p, std::string_view n, std::string_view v) -> Status {
       HEARTH_CHECK_OK(set_number(p.max_tokens, n, v));
       if (p.max_tokens && (*p.max_tokens < 1 || *p.max_tokens > kMaxTokens)) {
         return invalid("max_tokens is {}, must be between 1 and {}", v, kMaxTokens);
       }
       return {};
     },
     [](const ChatParameters& p) { return shown(p.max_tokens); }},
};

}  // namespace

Status set_parameter(ChatParameters& parameters, std::string_view name, std::string_view value) {
  ChatParameters changed = parameters;
  if (name == "stop") {
    if (value.empty()) return invalid("stop must not be empty");
    if (value == "default") {
      changed.stop.clear();
    } else {
      changed.stop.emplace_back(value);
    }
    parameters = std::move(changed);
    return {};
  }
  for (const Parameter& parameter : kParameters) {
    if (name != parameter.name && (parameter.alias.empty() || name != parameter.alias)) continue;
    HEARTH_CHECK_OK(parameter.set(changed, parameter.name, value));
    HEARTH_CHECK_OK(changed.sampling.applied_to({}).validate(0));
    parameters = std::move(changed);
    return {};
  }
  std::string known;
  for (const Parameter& parameter : kParameters) known.append(parameter.name).append(", ");
  return invalid("\"{}\" is not a parameter; there are {}stop", name, known);
}

std::vector<std::pair<std::string, std::string>> list_parameters(const ChatParameters& parameters) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const Parameter& parameter : kParameters) {
    if (auto value = parameter.show(parameters)) list.emplace_back(parameter.name, *std::move(value));
  }
  for (const std::string& stop : parameters.stop) list.emplace_back("stop", stop);
  return list;
}

}  // namespace hearth::app
