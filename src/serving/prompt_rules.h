// Rules for system prompts, so that lines which differ in every request do not keep a prompt from being
// recognised.
#pragma once

#include <vector>

#include "serving/generation_request.h"
#include "text/line_rules.h"

namespace hearth::serving {

// Lines that known programs put in front of their prompts, and that mean nothing to a model.
std::vector<text::LineRules::Rule> default_prompt_rules();

// The rules applied to all system (and developer) messages; one of which nothing is left is taken out.
std::vector<ChatMessage> with_rules(const text::LineRules& rules, std::vector<ChatMessage> messages);

}  // namespace hearth::serving
