// How a model family writes reasoning and tool calls into its output, as data.
//
// A syntax is a set of markers and a notation for calls. A marker that the vocabulary holds as a special
// token (control or user-defined) counts only as that token, so that text which merely spells it stays text;
// a marker that is no token is found by its spelling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "text/tokenizer.h"

namespace hearth::text {

enum class Marker : uint8_t {
  kReasoningBegin,
  kReasoningEnd,
  kCallsBegin,  // a list of calls
  kCallsEnd,
  kCallBegin,
  kCallEnd,
  kSeparator,  // inside a call, between its type and its name
  kQuote,      // around strings of arguments
  kTurnBegin,  // a model that repeats the header of its turn
};
inline constexpr size_t kMarkerCount = 9;

enum class CallNotation : uint8_t {
  kNone,
  kTaggedJson,  // <tool_call>{"name": …, "arguments": {…}}</tool_call>
  kBareJson,    // the whole message is {"name": …, "parameters": {…}}, or <|python_tag|>f.call(a="b")
  kGemma,       // <|tool_call>call:NAME{key:value,…}<tool_call|>
  kDeepSeek,  // begin, type, separator, NAME and a ```json block, end; or begin, NAME, separator, {…}, end
};

struct OutputSyntax {
  std::array<std::string_view, kMarkerCount> spelling{};  // literals; empty: the family has no such marker
  // What follows kReasoningBegin before reasoning starts ("thought\n"); with any other text there it is none.
  std::string_view reasoning_header;
  // Reasoning may also begin after text. Otherwise only at the start of the output: later, the marker is most
  // likely quoted.
  bool reasoning_anywhere = false;
  CallNotation calls = CallNotation::kNone;
  // The token of each marker, where the vocabulary has one.
  std::array<std::optional<TokenId>, kMarkerCount> token{};

  // The reasoning markers that a template's source mentions, if any.
  void use_reasoning_of(std::string_view source);
  void use_calls(CallNotation notation);

  std::string_view spell(Marker marker) const { return spelling[static_cast<size_t>(marker)]; }
  void set(Marker marker, std::string_view text) { spelling[static_cast<size_t>(marker)] = text; }
  bool has_reasoning() const { return !spell(Marker::kReasoningBegin).empty(); }
  // Neither reasoning nor calls: all output is text.
  bool plain() const { return !has_reasoning() && calls == CallNotation::kNone; }

  // Looks the markers up. Reasoning markers that are special tokens of the vocabulary are part of the syntax
  // even where the template does not mention them.
  void bind(const Tokenizer& tokenizer);
  // The marker that this token is.
  std::optional<Marker> marker_of(TokenId id) const;
};

// Whether output after this prompt continues reasoning that the template has opened. Only what the template
// itself wrote behind the last text from outside counts.
bool starts_in_reasoning(const OutputSyntax& syntax, const PromptText& prompt);

}  // namespace hearth::text
