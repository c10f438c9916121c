#include "serving/tool_names.h"

#include <algorithm>

namespace hearth::serving {

std::vector<std::string> callable_tools(const ChatPrompt& prompt, const ToolChoice& choice) {
  std::vector<std::string> names;
  if (choice.mode == ToolChoice::Mode::kNone || !prompt.tools.is_list()) return names;
  for (const text::Value& tool : prompt.tools.as_list()) {
    if (!tool.is_map()) continue;
    // Both {"type": "function", "function": {"name": …}} and the bare function are in use.
    const text::Value* function = tool.find("function");
    const text::Value& holder = function != nullptr && function->is_map() ? *function : tool;
    const text::Value* name = holder.find("name");
    if (name == nullptr || !name->is_string()) continue;
    const std::string& spelled = name->as_string().text;
    const bool allowed = choice.names.empty() ||
                         std::find(choice.names.begin(), choice.names.end(), spelled) != choice.names.end();
    if (allowed) names.push_back(spelled);
  }
  return names;
}

}  // namespace hearth::serving
