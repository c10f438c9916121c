#include "text/output/syntax_detection.h"

#include <array>
#include <string>

#include "text/output/output_parser.h"
#include "text/value.h"

namespace hearth::text {
namespace {

// In the order they are tried.
constexpr std::array kNotations = {CallNotation::kGemma, CallNotation::kDeepSeek, CallNotation::kTaggedJson,
                                   CallNotation::kBareJson};

constexpr std::string_view kTool = "look_up";
constexpr std::string_view kArguments = R"({"topic": "needle"})";

// What templates want of a turn with a call differs: arguments as a mapping or as text to paste, content that
// is empty or none.
struct TrialTurn {
  Value arguments;
  Value content;
};

Value trial_tools() {
  Value topic = Value::map({{"type", "string"}, {"description", "topic"}});
  Value parameters = Value::map({{"type", "object"},
                                 {"properties", Value::map({{"topic", std::move(topic)}})},
                                 {"required", Value::list({"topic"})}});
  Value function =
      Value::map({{"name", kTool}, {"description", "looks up"}, {"parameters", std::move(parameters)}});
  return Value::list({Value::map({{"type", "function"}, {"function", std::move(function)}})});
}

// A question, and the turn that answers it; without one, the prompt for it.
std::string trial(const ChatTemplate& chat, const TrialTurn* turn) {
  Value messages = Value::list({Value::map({{"role", "user"}, {"content", "question"}})});
  if (turn != nullptr) {
    Value called = Value::map({{"name", kTool}, {"arguments", turn->arguments}});
    Value call = Value::map({{"id", "call00001"}, {"type", "function"}, {"function", std::move(called)}});
    messages.as_list().push_back(Value::map(
        {{"role", "assistant"}, {"content", turn->content}, {"tool_calls", Value::list({std::move(call)})}}));
  }
  const auto rendered = chat.render(Value::map({{"messages", std::move(messages)},
                                                {"tools", trial_tools()},
                                                {"add_generation_prompt", turn == nullptr},
                                                {"bos_token", ""},
                                                {"eos_token", ""}}),
                                    0);
  return rendered ? rendered->text : std::string();
}

std::string without_spaces(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != ' ') result += c;
  }
  return result;
}

// Whether this is the trial's call, written in the syntax.
bool reads_back(const OutputSyntax& syntax, std::string_view output) {
  OutputParser parser(syntax, {.tool_names = {std::string(kTool)}});
  parser.push(output);
  parser.finish();
  const std::vector<OutputEvent> events = parser.take();
  using Kind = OutputEvent::Kind;
  return events.size() >= 3 && events[0] == OutputEvent{Kind::kCallBegin, std::string(kTool)} &&
         events[1].kind == Kind::kCallArguments &&
         without_spaces(events[1].text) == without_spaces(kArguments) && events[2].kind == Kind::kCallEnd;
}

}  // namespace

OutputSyntax detect_output_syntax(const ChatTemplate& chat, std::string_view source) {
  OutputSyntax syntax;
  syntax.use_reasoning_of(source);
  const std::string question = trial(chat, nullptr);
  const Value mapping = Value::map({{"topic", "needle"}});
  for (const TrialTurn& shape :
       {TrialTurn{mapping, ""}, {Value(kArguments), ""}, {mapping, Value()}, {Value(kArguments), Value()}}) {
    const std::string turn = trial(chat, &shape);
    for (const CallNotation notation : kNotations) {
      OutputSyntax candidate = syntax;
      candidate.use_calls(notation);
      // A bare call is the whole message; a marked one is the last thing that the marker begins.
      const bool whole = notation == CallNotation::kBareJson;
      const bool goes_on = !question.empty() && turn.starts_with(question);
      const size_t begin = !whole    ? turn.rfind(candidate.spell(Marker::kCallBegin))
                           : goes_on ? question.size()
                                     : std::string::npos;
      if (begin == std::string::npos) continue;
      if (reads_back(candidate, std::string_view(turn).substr(begin))) return candidate;
    }
  }
  return syntax;
}

}  // namespace hearth::text
