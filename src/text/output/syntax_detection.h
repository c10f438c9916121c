// Which output syntax a model was taught, judged by its chat template.
#pragma once

#include <string_view>

#include "text/chat_template.h"
#include "text/output/output_syntax.h"

namespace hearth::text {

// Reasoning is known by the markers that the template's source mentions. Calls are known by what the template
// writes for a turn that holds one: the syntax whose parser reads that call back is the one. Not bound to a
// vocabulary yet. Renders the template a few times.
OutputSyntax detect_output_syntax(const ChatTemplate& chat, std::string_view source);

}  // namespace hearth::text
