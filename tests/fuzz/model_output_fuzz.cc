// A byte that says how to cut and in which syntax, then a model's output. Whatever the output is: the events
// must not depend on where it is cut, text is whole characters, the arguments of a call that ended are a JSON
// object, and the text of an output without markers is the output.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fuzz_target.h"
#include "text/output/json_scanner.h"
#include "text/output/testing/parse_output.h"
#include "text/utf8.h"

using namespace hearth::text;

namespace {

OutputSyntax syntax_for(uint8_t choice) {
  OutputSyntax syntax;
  const auto notation = static_cast<CallNotation>(choice % 5);
  syntax.use_calls(notation);
  syntax.use_reasoning_of(notation == CallNotation::kGemma ? "<|channel>"
                          : choice % 2 == 0                ? "</think>"
                                                           : "");
  return syntax;
}

bool is_object(std::string_view text) {
  JsonScanner scanner;
  return text.starts_with('{') &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) {
                       return (static_cast<unsigned char>(c) >= 0x20 || !scanner.in_string()) &&
                              scanner.push(c);
                     }) &&
         scanner.done();
}

void check(const std::vector<OutputEvent>& events) {
  using Kind = OutputEvent::Kind;
  std::string arguments;
  for (const OutputEvent& event : events) {
    if (!is_valid_utf8(event.text)) std::abort();
    if (event.kind == Kind::kCallBegin) arguments.clear();
    if (event.kind == Kind::kCallArguments) arguments += event.text;
    if (event.kind == Kind::kCallEnd && !is_object(arguments)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const OutputSyntax syntax = syntax_for(data[0]);
  const OutputParserOptions options{.starts_in_reasoning = data[0] >= 128 && syntax.has_reasoning(),
                                    .tool_names = {"f", "get_weather"}};
  const std::string output =
      to_valid_utf8(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  const auto whole = testing::parse_output(syntax, options, output);
  check(whole);

  const std::vector<size_t> places = testing::cuts(output);
  if (testing::parse_pieces(syntax, options, testing::cut_at(output, places)) != whole) std::abort();
  if (!places.empty()) {
    const auto pieces = testing::cut_at(output, {places[data[0] % places.size()]});
    if (testing::parse_pieces(syntax, options, pieces) != whole) std::abort();
  }
  if (output.find_first_of("<[{") == std::string::npos && !options.starts_in_reasoning && !output.empty()) {
    if (whole != std::vector{OutputEvent{OutputEvent::Kind::kText, output}}) std::abort();
  }
  return 0;
}
