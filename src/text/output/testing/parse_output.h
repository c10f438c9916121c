// Runs a whole output through the parser in pieces of a test's choosing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/output/output_parser.h"
#include "text/utf8.h"

namespace hearth::text::testing {

// Where an output may be cut: between characters.
inline std::vector<size_t> cuts(std::string_view output) {
  std::vector<size_t> places;
  for (size_t at = 0; at < output.size();) {
    const Utf8Char c = decode_utf8(output.substr(at));
    at += c.length > 0 ? c.length : 1;
    if (at < output.size()) places.push_back(at);
  }
  return places;
}

inline void append_joined(std::vector<OutputEvent> more, std::vector<OutputEvent>& events) {
  using Kind = OutputEvent::Kind;
  for (OutputEvent& event : more) {
    const bool joins = !events.empty() && events.back().kind == event.kind &&
                       event.kind != Kind::kCallBegin && event.kind != Kind::kCallEnd;
    if (joins) {
      events.back().text += event.text;
    } else {
      events.push_back(std::move(event));
    }
  }
}

inline std::vector<OutputEvent> parse_pieces(const OutputSyntax& syntax, const OutputParserOptions& options,
                                             const std::vector<std::string_view>& pieces) {
  OutputParser parser(syntax, options);
  std::vector<OutputEvent> events;
  for (const std::string_view piece : pieces) {
    parser.push(piece);
    append_joined(parser.take(), events);
  }
  parser.finish();
  append_joined(parser.take(), events);
  return events;
}

inline std::vector<OutputEvent> parse_output(const OutputSyntax& syntax, const OutputParserOptions& options,
                                             std::string_view output) {
  return parse_pieces(syntax, options, {output});
}

// The pieces that result from cutting at these places.
inline std::vector<std::string_view> cut_at(std::string_view output, const std::vector<size_t>& places) {
  std::vector<std::string_view> pieces;
  size_t begin = 0;
  for (const size_t place : places) {
    pieces.push_back(output.substr(begin, place - begin));
    begin = place;
  }
  pieces.push_back(output.substr(begin));
  return pieces;
}

// One line per event, for comparing.
inline std::string show(const std::vector<OutputEvent>& events) {
  std::string lines;
  for (const OutputEvent& event : events) {
    static constexpr const char* kNames[] = {"reasoning", "text", "call", "arguments", "end"};
    lines += kNames[static_cast<size_t>(event.kind)];
    if (event.kind != OutputEvent::Kind::kCallEnd) lines += "|" + event.text;
    lines += "|\n";
  }
  return lines;
}

}  // namespace hearth::text::testing
