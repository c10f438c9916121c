// What a store says of a model on top of its file: a Modelfile's words and parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sampling_params.h"
#include "serving/generation_request.h"
#include "store/modelfile.h"

namespace hearth::store {
struct ModelOverrides;
}

namespace hearth::serving {

// What a request says comes first, then this, then the file.
struct ModelDefaults {
  std::string chat_template;          // instead of the file's; empty = the file's
  std::string system;                 // of chats that bring no system message
  std::vector<ChatMessage> messages;  // stand in front of every chat
  engine::SamplingOverrides sampling;
  std::optional<int64_t> context_length;  // tokens a request may use
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;
  std::vector<store::Modelfile::Parameter> parameters;  // all of them, as they were written
  std::vector<std::string> licenses;
  std::vector<std::string> warnings;  // what was left out, a sentence each
};

// Whether a value is one that a parameter can have. kInvalidArgument names both.
Status check_parameter(const store::Modelfile::Parameter& parameter);

// Parameters that choose how a machine is used have no effect. A value that is none is left out.
ModelDefaults read_model_defaults(const store::ModelOverrides& overrides);

}  // namespace hearth::serving
