#include "text/grammar/call_grammar.h"

#include "text/grammar/json_schema.h"

namespace hearth::text::grammar {
namespace {

class Writer {
 public:
  Writer(const OutputSyntax& syntax, Rules& rules)
      : syntax_(syntax), rules_(rules), json_(rules, Notation::kJson) {
    if (syntax.calls == CallNotation::kGemma) gemma_.emplace(rules, Notation::kGemmaCall);
  }

  const ValueSyntax& json() const { return json_; }

  Result<ExpressionId> calls(std::span<const CallableTool> tools, bool parallel) {
    std::vector<ExpressionId> choices;
    for (const CallableTool& tool : tools) {
      auto arguments = this->arguments(tool);
      if (!arguments) return propagate(std::move(arguments).error(), fmt::format("tool \"{}\"", tool.name));
      choices.push_back(body(tool.name, *arguments));
    }
    const ExpressionId one = rules_.choice(std::move(choices));
    const ExpressionId begin = marker(Marker::kCallBegin), end = marker(Marker::kCallEnd);
    switch (syntax_.calls) {
      case CallNotation::kTaggedJson:
        return several(rules_.sequence({begin, rules_.bytes("\n"), one, rules_.bytes("\n"), end}), "\n",
                       parallel);
      case CallNotation::kBareJson:
        return one;
      case CallNotation::kGemma:
        return several(rules_.sequence({begin, one, end}), "", parallel);
      case CallNotation::kDeepSeek:
        return rules_.sequence({marker(Marker::kCallsBegin),
                                several(rules_.sequence({begin, one, end}), "\n", parallel),
                                marker(Marker::kCallsEnd)});
      case CallNotation::kNone:
        break;
    }
    return fail(ErrorCategory::kInvalidArgument, "this model's chat template has no notation for tool calls");
  }

 private:
  ExpressionId marker(Marker marker) {
    const std::string_view spelling = syntax_.spell(marker);
    return syntax_.token[static_cast<size_t>(marker)] ? rules_.token(spelling) : rules_.bytes(spelling);
  }

  ExpressionId several(ExpressionId call, std::string_view separator, bool parallel) {
    if (!parallel) return call;
    const ExpressionId shared = rules_.define_new("call", call);
    return rules_.sequence({shared, rules_.repeat(rules_.sequence({rules_.bytes(separator), shared}), 0)});
  }

  Result<ExpressionId> arguments(const CallableTool& tool) {
    const ValueSyntax& syntax = gemma_ ? *gemma_ : json_;
    if (tool.parameters.empty()) return syntax.any_object();
    HEARTH_TRY(Json schema, parse_schema(tool.parameters, rules_.limits()));
    if (!schema.is_object() || schema.empty()) return syntax.any_object();
    // Arguments are an object, whatever else the schema says.
    if (!schema.contains("type")) schema["type"] = "object";
    return add_schema(syntax, schema, {.refuse_unsupported = tool.strict, .limits = rules_.limits()});
  }

  // What stands between a call's marks.
  ExpressionId body(const std::string& name, ExpressionId arguments) {
    switch (syntax_.calls) {
      case CallNotation::kGemma:
        return rules_.sequence({rules_.bytes("call:" + name), arguments});
      case CallNotation::kDeepSeek:
        return rules_.sequence({rules_.bytes("function"), marker(Marker::kSeparator),
                                rules_.bytes(name + "\n```json\n"), arguments, rules_.bytes("\n```")});
      default: {
        const bool bare = syntax_.calls == CallNotation::kBareJson;
        return rules_.sequence({rules_.bytes("{\"name\": "), json_.quoted(json_.text(name)),
                                rules_.bytes(bare ? ", \"parameters\": " : ", \"arguments\": "), arguments,
                                rules_.bytes("}")});
      }
    }
  }

  const OutputSyntax& syntax_;
  Rules& rules_;
  ValueSyntax json_;
  std::optional<ValueSyntax> gemma_;  // of arguments, where they are not JSON
};

}  // namespace

Result<std::shared_ptr<const Grammar>> call_grammar(const OutputSyntax& syntax,
                                                    std::span<const CallableTool> tools,
                                                    const CallGrammarOptions& options) {
  if (tools.empty()) return fail(ErrorCategory::kInvalidArgument, "there are no tools that could be called");
  Rules rules;
  Writer writer(syntax, rules);
  HEARTH_TRY(ExpressionId answer, writer.calls(tools, options.parallel));
  if (options.or_schema) {
    HEARTH_TRY(const Json schema, parse_schema(*options.or_schema, rules.limits()));
    HEARTH_TRY(const ExpressionId value, add_schema(writer.json(), schema, {.limits = rules.limits()}));
    answer = rules.choice({value, answer});
  }
  const RuleId root = rules.declare("root");
  rules.define(root, answer);
  return Grammar::compile(rules, root);
}

}  // namespace hearth::text::grammar
