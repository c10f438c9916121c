// What a model generates, split into reasoning, text and tool calls while it comes.
//
// Pieces may be of any size: the same output gives the same events, joined, however it is cut. Held back is
// only what may still become a marker or the beginning of a call, and line breaks that a format puts around
// its parts.
//
// - Nothing is an error, and nothing is lost but markers and the line breaks around reasoning and calls: what
// is
//   not written as the syntax says is text, its markers included.
// - A call counts when its name is one of the tools offered and its arguments begin as an object. Until then
// it is
//   held back, and becomes text where that fails. (Arguments that come before the name, or as JSON inside a
//   string, are held back to their end.)
// - From then on the arguments stream, as JSON. Where they break, or where the generation is cut, they end
// without
//   kCallEnd: what came is the beginning of an object and never a whole one, since half a command must not
//   look complete. What follows the break is text.
// - Control characters that a model left bare in strings come out as JSON escapes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/output/call_reader.h"
#include "text/output/marker_scanner.h"
#include "text/output/output_syntax.h"

namespace hearth::text {

struct OutputEvent {
  enum class Kind : uint8_t {
    kReasoning,
    kText,
    kCallBegin,      // the name
    kCallArguments,  // a fragment of JSON
    kCallEnd,        // the arguments are a whole JSON object
  };
  Kind kind = Kind::kText;
  std::string text;

  bool operator==(const OutputEvent&) const = default;
};

struct OutputParserOptions {
  bool starts_in_reasoning = false;       // see output_syntax.h
  std::vector<std::string> tool_names{};  // that may be called; none: calls are text
};

class OutputParser {
 public:
  OutputParser(const OutputSyntax& syntax, OutputParserOptions options);

  // What comes next: whole characters (text/stream_decoder.h), or a marker that is a token.
  void push(std::string_view text);
  void push(Marker marker);
  // The end of the output, however it came.
  void finish();

  // The events since the last take, neighbours of one kind joined.
  std::vector<OutputEvent> take() { return std::exchange(events_, {}); }

  bool in_reasoning() const { return mode_ == Mode::kReasoning; }
  bool in_call() const { return mode_ == Mode::kCall && call_->begun(); }
  const OutputSyntax& syntax() const { return syntax_; }

 private:
  enum class Mode : uint8_t {
    kText,
    kReasoning,
    kHeader,  // expected_ has to follow for the marker to count
    kCall,
  };

  void on_text(std::string_view text);
  void on_marker(Marker marker);
  void text_marker(Marker marker);
  void reasoning_marker(Marker marker);
  void header_marker(Marker marker);
  void call_marker(Marker marker);
  std::string_view read_text(std::string_view text);
  std::string_view read_header(std::string_view text);
  bool begin_call(std::optional<Marker> marker);
  void settle_call();
  void expect(Marker marker, std::string_view header);
  void reject_header();
  void open_reasoning();
  void close_reasoning();
  void write(std::string_view text);
  void add(OutputEvent::Kind kind, std::string_view text);

  OutputSyntax syntax_;
  std::vector<std::string> tool_names_;
  MarkerScanner scanner_;
  std::vector<OutputEvent> events_;

  Mode mode_ = Mode::kText;
  bool at_start_ = true;      // no text and no call yet
  bool after_call_ = false;   // nothing but white space since
  std::string_view skipped_;  // what is dropped in front of the next text
  std::string pending_;       // white space that is dropped in front of a call or the end of reasoning
  bool wrote_reasoning_ = false;

  Mode before_header_ = Mode::kText;
  Marker header_of_{};
  std::string_view expected_;
  std::string header_;

  std::unique_ptr<CallReader> call_;
  bool announced_ = false;
  bool ended_ = false;
};

}  // namespace hearth::text
