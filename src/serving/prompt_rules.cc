#include "serving/prompt_rules.h"

namespace hearth::serving {

std::vector<text::LineRules::Rule> default_prompt_rules() {
  // A coding agent's "x-anthropic-billing-header: cc_version=…; cc_entrypoint=…; cch=…;", whose cch is new
  // each time.
  return {{.pattern = "^x-anthropic-billing-header:", .action = text::LineRules::Action::kDrop}};
}

std::vector<ChatMessage> with_rules(const text::LineRules& rules, std::vector<ChatMessage> messages) {
  std::erase_if(messages, [&](ChatMessage& message) {
    if (message.role != "system" && message.role != "developer") return false;
    std::string edited = rules.apply(message.content);
    const bool emptied = edited.find_first_not_of(" \t\r\n") == std::string::npos && !message.content.empty();
    message.content = std::move(edited);
    return emptied;
  });
  return messages;
}

}  // namespace hearth::serving
