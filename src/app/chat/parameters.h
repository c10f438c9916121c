// The parameters of a chat: named as in requests, with Ollama's names understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sampling_params.h"

namespace hearth::app {

struct ChatParameters {
  engine::SamplingOverrides sampling;
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;
};

// Sets `name` from text; "default" takes a parameter back. kInvalidArgument names the parameter and its range
// or, for an unknown name, the known ones. `parameters` is unchanged then.
Status set_parameter(ChatParameters& parameters, std::string_view name, std::string_view value);

// Name and value of those that are set, in a fixed order; "stop" once per string.
std::vector<std::pair<std::string, std::string>> list_parameters(const ChatParameters& parameters);

}  // namespace hearth::app
