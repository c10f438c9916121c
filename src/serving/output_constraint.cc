#include "serving/output_constraint.h"

#include <algorithm>

#include "serving/text_value.h"
#include "serving/tool_names.h"
#include "text/grammar/call_grammar.h"
#include "text/grammar/json_schema.h"

namespace hearth::serving {
namespace {

using text::Marker;
using text::TokenId;
using text::grammar::CallableTool;
using text::grammar::GrammarMatcher;
using text::grammar::TokenGrammar;
using text::grammar::TokenVocabulary;
using Grammar = OutputConstraint::Grammar;
using Mask = std::optional<std::span<const uint64_t>>;

void set_bit(std::vector<uint64_t>& mask, TokenId id, bool value) {
  const auto index = static_cast<size_t>(id);
  if (index / 64 >= mask.size()) return;
  const uint64_t bit = uint64_t{1} << (index % 64);
  mask[index / 64] = value ? mask[index / 64] | bit : mask[index / 64] & ~bit;
}

std::optional<GrammarMatcher> matcher_of(const Grammar& grammar) {
  return grammar ? std::optional<GrammarMatcher>(grammar) : std::nullopt;
}

}  // namespace

OutputConstraint::OutputConstraint(Grammars grammars, ReasoningGate gate)
    : grammar_(grammars.answer ? grammars.answer : grammars.end),
      answer_(matcher_of(grammars.answer)),
      header_(matcher_of(grammars.header)),
      closing_(matcher_of(grammars.end)),
      gate_(std::move(gate)),
      phase_(gate_.open                      ? Phase::kReasoning
             : gate_.may_open && gate_.begin ? Phase::kStart
                                             : Phase::kAnswer) {}

const TokenVocabulary& OutputConstraint::vocabulary() const {
  return grammar_->vocabulary();
}

Result<Mask> OutputConstraint::allowed() {
  if (phase_ == Phase::kReasoning && over_budget()) {
    if (gate_.end) {
      mask_.assign(vocabulary().n_words(), 0);
      set_bit(mask_, *gate_.end, true);
      return mask_;
    }
    phase_ = Phase::kClosing;
  }
  if (phase_ == Phase::kHeader || phase_ == Phase::kClosing) {
    HEARTH_TRY(const std::span<const uint64_t> mask,
               (phase_ == Phase::kHeader ? header_ : closing_)->allowed());
    return mask;
  }
  if (phase_ == Phase::kReasoning) {
    if (!answer_) return std::nullopt;
    mask_.assign(vocabulary().n_words(), ~uint64_t{0});
    for (const TokenId id : vocabulary().end_of_generation()) set_bit(mask_, id, false);
    return mask_;
  }
  if (!answer_) return std::nullopt;
  HEARTH_TRY(const std::span<const uint64_t> mask, answer_->allowed());
  if (phase_ == Phase::kAnswer) return mask;
  mask_.assign(mask.begin(), mask.end());
  set_bit(mask_, *gate_.begin, true);
  return mask_;
}

Status OutputConstraint::accept(int32_t token) {
  switch (phase_) {
    case Phase::kReasoning:
      return accept_reasoning(token);
    case Phase::kClosing:
      HEARTH_CHECK_OK(closing_->accept(token));
      if (closing_->is_complete()) phase_ = Phase::kAnswer;
      return {};
    case Phase::kHeader:
      HEARTH_CHECK_OK(header_->accept(token));
      if (header_->is_complete()) phase_ = Phase::kReasoning;
      return {};
    case Phase::kStart:
      if (token == gate_.begin) {
        phase_ = header_ ? Phase::kHeader : Phase::kReasoning;
        return {};
      }
      phase_ = Phase::kAnswer;
      [[fallthrough]];
    case Phase::kAnswer:
      break;
  }
  return answer_ ? answer_->accept(token) : Status();
}

Status OutputConstraint::accept_reasoning(int32_t token) {
  ++n_reasoning_;
  if (gate_.end) {
    if (token == gate_.end) phase_ = Phase::kAnswer;
    return {};
  }
  tail_ += vocabulary().bytes_of(token);
  const size_t at = tail_.find(gate_.end_text);
  if (at == std::string::npos) {
    tail_.erase(0, tail_.size() - std::min(tail_.size(), gate_.end_text.size()));
    return {};
  }
  phase_ = Phase::kAnswer;
  return answer_with(std::string_view(tail_).substr(at + gate_.end_text.size()));
}

// The token that ended the reasoning may hold the beginning of the answer, after line breaks.
Status OutputConstraint::answer_with(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \r\n\t"), text.size()));
  return answer_ ? answer_->accept_text(text) : Status();
}

namespace {

ReasoningGate reasoning_gate(const GenerationRequest& request, const PromptedOutput& output) {
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  if (chat == nullptr || output.syntax == nullptr || !output.syntax->has_reasoning()) return {};
  const auto token = [&](Marker marker) { return output.syntax->token[static_cast<size_t>(marker)]; };
  ReasoningGate gate{.open = output.starts_in_reasoning,
                     .may_open = false,
                     .begin = token(Marker::kReasoningBegin),
                     .header = std::string(output.syntax->reasoning_header),
                     .end = token(Marker::kReasoningEnd),
                     .end_text = std::string(output.syntax->spell(Marker::kReasoningEnd)),
                     .budget = request.thinking_budget};
  // A template that keeps the model from reasoning ends the prompt with an empty one.
  constexpr size_t kNear = 4;
  const auto tail = output.prompt.last(std::min(output.prompt.size(), kNear));
  const bool closed = gate.end && std::find(tail.begin(), tail.end(), *gate.end) != tail.end();
  gate.may_open = !gate.open && !closed && gate.begin && chat->thinking.value_or(true);
  return gate;
}

// The tools that may be called, with their schemas.
std::vector<CallableTool> callable(const ChatPrompt& chat, const ToolChoice& choice) {
  std::vector<CallableTool> tools;
  const std::vector<std::string> names = callable_tools(chat, choice);
  if (names.empty()) return tools;
  for (const text::Value& tool : chat.tools.as_list()) {
    if (!tool.is_map()) continue;
    const text::Value* nested = tool.find("function");
    const text::Value& function = nested != nullptr && nested->is_map() ? *nested : tool;
    const text::Value *name = function.find("name"), *parameters = function.find("parameters"),
                      *strict = function.find("strict");
    if (name == nullptr || !name->is_string()) continue;
    const std::string& spelled = name->as_string().text;
    if (std::find(names.begin(), names.end(), spelled) == names.end()) continue;
    tools.push_back({.name = spelled,
                     .parameters = parameters != nullptr && parameters->is_map() ? to_json(*parameters) : "",
                     .strict = strict != nullptr && strict->is_bool() && strict->as_bool()});
  }
  return tools;
}

Result<Grammar> grammar_of_calls(const text::OutputSyntax& syntax, const std::vector<CallableTool>& tools,
                                 const text::grammar::CallGrammarOptions& options, GrammarCache& grammars) {
  std::string key = fmt::format("calls {} {} {}", static_cast<int>(syntax.calls), options.parallel,
                                options.or_schema.value_or(""));
  for (const CallableTool& tool : tools) {
    key += fmt::format("\n{} {} {}", tool.name, tool.strict, tool.parameters);
  }
  return grammars.get(key, [&] { return text::grammar::call_grammar(syntax, tools, options); });
}

Result<Grammar> grammar_of_answer(const GenerationRequest& request, const PromptedOutput& output,
                                  GrammarCache& grammars) {
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  const bool required = request.tool_choice.mode == ToolChoice::Mode::kRequired;
  const auto* schema = std::get_if<JsonSchemaFormat>(&request.format);
  const auto* gbnf = std::get_if<GbnfFormat>(&request.format);
  const bool object = std::holds_alternative<JsonObjectFormat>(request.format);
  if (chat != nullptr && output.syntax != nullptr && (required || schema != nullptr || object)) {
    text::grammar::CallGrammarOptions options{.parallel = request.parallel_tool_calls};
    if (!required) options.or_schema = schema != nullptr ? schema->schema : R"({"type":"object"})";
    const bool possible = required || output.syntax->calls != text::CallNotation::kNone;
    const std::vector<CallableTool> tools = callable(*chat, request.tool_choice);
    if (possible && !tools.empty()) return grammar_of_calls(*output.syntax, tools, options, grammars);
  }
  if (schema != nullptr) {
    return grammars.get("schema " + schema->schema,
                        [&] { return text::grammar::json_schema_grammar(schema->schema); });
  }
  if (gbnf != nullptr) {
    return grammars.get("gbnf " + gbnf->grammar,
                        [&] { return text::grammar::Grammar::from_gbnf(gbnf->grammar); });
  }
  if (object) return grammars.get("object", [] { return text::grammar::json_object_grammar(); });
  return nullptr;
}

// Just this text.
Result<Grammar> grammar_of_text(const std::string& text, GrammarCache& grammars) {
  return grammars.get("text " + text, [&] {
    text::grammar::Rules rules;
    const text::grammar::RuleId root = rules.declare("root");
    rules.define(root, rules.bytes(text));
    return text::grammar::Grammar::compile(rules, root);
  });
}

}  // namespace

Result<std::shared_ptr<engine::TokenConstraint>> constraint_for(const GenerationRequest& request,
                                                                const PromptedOutput& output,
                                                                GrammarCache& grammars) {
  OutputConstraint::Grammars needed;
  HEARTH_TRY(needed.answer, grammar_of_answer(request, output, grammars));
  ReasoningGate gate = reasoning_gate(request, output);
  if (gate.budget && (gate.open || gate.may_open)) {
    HEARTH_TRY(needed.end, grammar_of_text(gate.end_text, grammars));
  }
  if (!needed.answer && !needed.end) return nullptr;
  if (gate.may_open && !gate.header.empty()) {
    HEARTH_TRY(needed.header, grammar_of_text(gate.header, grammars));
  }
  return std::make_shared<OutputConstraint>(std::move(needed), std::move(gate));
}

}  // namespace hearth::serving
