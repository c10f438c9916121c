#include "text/output/output_syntax.h"

#include <algorithm>

namespace hearth::text {
namespace {

struct ReasoningRow {
  std::string_view evidence;  // in a template's source
  std::string_view begin, end;
  std::string_view header;
  bool anywhere = false;
};

// The first that is mentioned counts.
constexpr std::array<ReasoningRow, 5> kReasoning = {{
    {"<|channel>", "<|channel>", "<channel|>", "thought\n", true},
    {"</think>", "<think>", "</think>", "", false},
    {"<seed:think>", "<seed:think>", "</seed:think>", "", false},
    {"[THINK]", "[THINK]", "[/THINK]", "", false},
    {"<thinking>", "<thinking>", "</thinking>", "", false},
}};

struct CallRow {
  CallNotation notation;
  std::string_view begin, end;
  std::string_view list_begin, list_end;
  std::string_view separator, quote, turn;
};

constexpr std::array<CallRow, 4> kCalls = {{
    {CallNotation::kGemma, "<|tool_call>", "<tool_call|>", "", "", "", "<|\"|>", "<|turn>"},
    {CallNotation::kDeepSeek, "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁begin｜>",
     "<｜tool▁calls▁end｜>", "<｜tool▁sep｜>", "", ""},
    {CallNotation::kTaggedJson, "<tool_call>", "</tool_call>", "", "", "", "", ""},
    {CallNotation::kBareJson, "<|python_tag|>", "", "", "", "", "", ""},
}};

std::optional<TokenId> special_token(const Tokenizer& tokenizer, std::string_view spelling) {
  if (spelling.empty()) return std::nullopt;
  const auto id = tokenizer.find(spelling);
  if (!id) return std::nullopt;
  const std::vector<int64_t>& types = tokenizer.spec().types;
  const auto index = static_cast<size_t>(*id);
  const int64_t type = index < types.size() ? types[index] : 0;
  const bool special = type == static_cast<int64_t>(TokenType::kControl) ||
                       type == static_cast<int64_t>(TokenType::kUserDefined);
  return special ? id : std::nullopt;
}

}  // namespace

void OutputSyntax::use_reasoning_of(std::string_view source) {
  const auto row = std::find_if(kReasoning.begin(), kReasoning.end(), [&](const ReasoningRow& candidate) {
    return source.find(candidate.evidence) != std::string_view::npos;
  });
  if (row == kReasoning.end()) return;
  set(Marker::kReasoningBegin, row->begin);
  set(Marker::kReasoningEnd, row->end);
  reasoning_header = row->header;
  reasoning_anywhere = row->anywhere;
}

void OutputSyntax::use_calls(CallNotation notation) {
  const auto row = std::find_if(kCalls.begin(), kCalls.end(),
                                [&](const CallRow& candidate) { return candidate.notation == notation; });
  if (row == kCalls.end()) return;
  calls = notation;
  set(Marker::kCallBegin, row->begin);
  set(Marker::kCallEnd, row->end);
  set(Marker::kCallsBegin, row->list_begin);
  set(Marker::kCallsEnd, row->list_end);
  set(Marker::kSeparator, row->separator);
  set(Marker::kQuote, row->quote);
  set(Marker::kTurnBegin, row->turn);
}

void OutputSyntax::bind(const Tokenizer& tokenizer) {
  if (!has_reasoning() && special_token(tokenizer, "<think>") && special_token(tokenizer, "</think>")) {
    use_reasoning_of("</think>");
  }
  for (size_t i = 0; i < kMarkerCount; ++i) token[i] = special_token(tokenizer, spelling[i]);
}

std::optional<Marker> OutputSyntax::marker_of(TokenId id) const {
  for (size_t i = 0; i < kMarkerCount; ++i) {
    if (token[i] == id) return static_cast<Marker>(i);
  }
  return std::nullopt;
}

bool starts_in_reasoning(const OutputSyntax& syntax, const PromptText& prompt) {
  if (!syntax.has_reasoning()) return false;
  const size_t outside = prompt.untrusted.empty() ? 0 : prompt.untrusted.back().end;
  const std::string_view tail = std::string_view(prompt.text).substr(outside);
  const size_t begin = tail.rfind(syntax.spell(Marker::kReasoningBegin));
  return begin != std::string_view::npos &&
         tail.find(syntax.spell(Marker::kReasoningEnd), begin) == std::string_view::npos;
}

}  // namespace hearth::text
