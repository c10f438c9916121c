// Tools as the Responses API writes them: functions in a flat shape, functions in namespaces, and custom
// tools that take free text. A model knows functions only, so the others are offered as such and told apart
// by name when they are called. Tools that the server would have to run itself (web_search, …) are left out.
#pragma once

#include <map>
#include <string>

#include "api/fields.h"
#include "text/value.h"

namespace hearth::api::openai::responses {

// A custom tool is a function with one string under this name.
constexpr const char* kCustomArgument = "input";

struct OfferedTools {
  struct Tool {
    std::string name;        // as the client knows it
    std::string name_space;  // empty = none
    bool custom = false;
  };
  text::Value functions;  // for the template: a list, or none
  std::map<std::string, Tool> by_function;
  Json shown = Json::array();  // those that are offered, as they were sent

  // The name of the function that stands for a tool, which may be one that is offered no more.
  std::string function_of(const std::string& name_space, const std::string& name) const;
};

// `tools` of a request.
Parsed<OfferedTools> read_offered_tools(const Json& body);

}  // namespace hearth::api::openai::responses
