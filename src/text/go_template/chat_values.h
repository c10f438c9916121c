// The variables that Ollama gives to a template, made from the context of a chat template.
#pragma once

#include <vector>

#include "text/go_template/functions.h"
#include "text/value.h"

namespace hearth::text::go_template {

// One pass of a template over a conversation.
struct Pass {
  Datum variables;       // a mapping: the dot and $ of the template
  bool is_open = false;  // ends with .Response, where the model goes on
};

// A template that reads .Messages is run once; an older one once for every round of .System, .Prompt and
// .Response, of which the last is open.
std::vector<Pass> chat_passes(Run& run, const Value& context, bool reads_messages);

}  // namespace hearth::text::go_template
