// Which tools an answer may call.
#pragma once

#include <string>
#include <vector>

#include "serving/generation_request.h"

namespace hearth::serving {

// The names of the prompt's tools, as far as the choice allows them.
std::vector<std::string> callable_tools(const ChatPrompt& prompt, const ToolChoice& choice);

}  // namespace hearth::serving
