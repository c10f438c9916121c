#include "api/openai/responses/tools.h"

#include "api/openai/tools.h"

namespace hearth::api::openai::responses {
namespace {

// What a function of that name in a namespace is called where another tool has the plain name.
std::string qualified(const std::string& name_space, const std::string& name) {
  return name_space + "__" + name;
}

class Offer {
 public:
  Parsed<void> add(const Json& tool, const std::string& where, const std::string& name_space) {
    if (!tool.is_object()) return refuse(where, "must be an object");
    HEARTH_API_TRY(const auto type, read_string(tool, "type", where + ".type", 64));
    if (type.empty()) return refuse(where + ".type", "is missing");
    const bool custom = type == "custom";
    if (type == "namespace" && name_space.empty()) return add_namespace(tool, where);
    if (type != "function" && !custom) return {};
    if (functions_.size() == kMaxTools)
      return refuse("tools", fmt::format("has more than {} tools", kMaxTools));

    HEARTH_API_TRY(const Json function,
                   custom ? custom_function(tool, where) : Parsed<Json>(flat_function(tool)));
    HEARTH_API_TRY(Json offered, function_tool(function, where));
    const auto name = function["name"].get<std::string>();
    std::string called = name;
    if (!name_space.empty() && offer_.by_function.contains(name)) called = qualified(name_space, name);
    if (!offer_.by_function.try_emplace(called, OfferedTools::Tool{name, name_space, custom}).second) {
      return refuse(where + ".name", fmt::format("there are two tools of the name \"{}\"", called));
    }
    offered["function"]["name"] = called;
    functions_.push_back(to_untrusted_value(offered));
    if (name_space.empty()) offer_.shown.push_back(tool);
    return {};
  }

  OfferedTools take() {
    if (!functions_.empty()) offer_.functions = text::Value::list(std::move(functions_));
    return std::move(offer_);
  }

 private:
  Parsed<void> add_namespace(const Json& tool, const std::string& where) {
    HEARTH_API_TRY(const auto name, read_string(tool, "name", where + ".name", kMaxNameBytes));
    if (name.empty()) return refuse(where + ".name", "is missing");
    const Json* tools = find(tool, "tools");
    if (tools == nullptr || !tools->is_array()) return refuse(where + ".tools", "must be a list");
    for (size_t i = 0; i < tools->size(); ++i) {
      HEARTH_API_CHECK(add((*tools)[i], at(where + ".tools", i), name));
    }
    offer_.shown.push_back(tool);
    return {};
  }

  // What is beside the type belongs to the function; null counts as absent.
  static Json flat_function(const Json& tool) {
    Json function = Json::object();
    // To the end of the vector that this object is: its own insertion searches all keys, quadratic for many.
    std::vector<std::pair<const std::string, Json>>& members = function.get_ref<Json::object_t&>();
    for (const auto& [key, value] : tool.items()) {
      if (key != "type" && !value.is_null()) members.emplace_back(key, value);
    }
    return function;
  }

  static Parsed<Json> custom_function(const Json& tool, const std::string& where) {
    HEARTH_API_TRY(const auto name, read_string(tool, "name", where + ".name", kMaxNameBytes));
    HEARTH_API_TRY(auto description, read_string(tool, "description", where + ".description", kNoLimit));
    std::string expects = "The text that the tool works on.";
    if (const Json* format = find(tool, "format"); format != nullptr && format->is_object()) {
      HEARTH_API_TRY(const auto syntax, read_string(*format, "syntax", where + ".format.syntax", 64));
      HEARTH_API_TRY(const auto grammar,
                     read_string(*format, "definition", where + ".format.definition", kNoLimit));
      if (!grammar.empty()) expects += fmt::format(" It follows this {} grammar:\n{}", syntax, grammar);
    }
    Json input = Json::object();
    input["type"] = "string";
    input["description"] = std::move(expects);
    Json parameters = Json::object();
    parameters["type"] = "object";
    parameters["properties"][kCustomArgument] = std::move(input);
    parameters["required"] = Json::array({kCustomArgument});
    Json function = Json::object();
    function["name"] = name;
    if (!description.empty()) function["description"] = std::move(description);
    function["parameters"] = std::move(parameters);
    return function;
  }

  OfferedTools offer_;
  text::ValueList functions_;
};

}  // namespace

std::string OfferedTools::function_of(const std::string& name_space, const std::string& name) const {
  if (name_space.empty()) return name;
  const auto found = by_function.find(qualified(name_space, name));
  return found != by_function.end() ? found->first : name;
}

Parsed<OfferedTools> read_offered_tools(const Json& body) {
  const Json* tools = find(body, "tools");
  if (tools == nullptr) return OfferedTools();
  if (!tools->is_array()) return refuse("tools", "must be a list");
  Offer offer;
  for (size_t i = 0; i < tools->size(); ++i) {
    HEARTH_API_CHECK(offer.add((*tools)[i], at("tools", i), ""));
  }
  return offer.take();
}

}  // namespace hearth::api::openai::responses
