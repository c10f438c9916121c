// What the comparison with Go (tests/golden) does not show: trust, limits, messages, and which language a
// source is in.
#include <gmock/gmock.h>

#include "text/chat_template_test_support.h"

namespace hearth::text {
namespace {

using testing::HasSubstr;
using testing_support::render;
using testing_support::render_marked;
using testing_support::try_render;

Value message(std::string_view role, std::string_view content) {
  return Value::map({{"role", role}, {"content", Value::untrusted(std::string(content))}});
}

ValueMap chat(ValueList messages, ValueMap more = {}) {
  ValueMap context{{"messages", Value::list(std::move(messages))}};
  for (auto& entry : more) context.push_back(std::move(entry));
  return context;
}

ValueMap question() {
  return chat({message("user", "Hi")});
}

TEST(GoTemplate, IsToldFromJinjaByItsTags) {
  // Each of these would not compile, or render something else, in the other language.
  EXPECT_EQ(render("{{ .Prompt }}", question()), "Hi");
  EXPECT_EQ(render("{{- if .System }}s{{ end }}{{ .Prompt }}", question()), "Hi");
  EXPECT_EQ(render("{{range .Messages}}{{.Role}}{{end}}", question()), "user");
  EXPECT_EQ(render("{{/* note */}}{{ .Prompt }}", question()), "Hi");
  EXPECT_EQ(render("{{ \"a\" }}{{ $x := .Prompt }}{{ $x }}", question()), "aHi");
  EXPECT_EQ(render("{{ print .Prompt \"!\" }}", question()), "Hi!");
  EXPECT_EQ(render("{{if(eq 1 1)}}{{ range (slice .Messages 0) }}{{ .Role }}{{end}}{{end}}", question()),
            "user");
  EXPECT_EQ(render("{{ range(2)|list }}{{ range is callable }}", question()), "[0, 1]True");
  EXPECT_EQ(render("{{ messages[0].role }}", question()), "user");
  EXPECT_EQ(render("{% for m in messages %}{{ m.role }}{% endfor %}", question()), "user");
  EXPECT_EQ(render("{# {{ .Prompt }} #}{{ 'x' }}", question()), "x");
  EXPECT_EQ(render("{{ if_ is defined }}", question()), "False");
  EXPECT_EQ(render("plain", question()), "plain");
}

TEST(GoTemplate, LegacyTemplatesRunOncePerRoundAndStayOpen) {
  constexpr std::string_view kSource =
      "{{ if .System }}<s>{{ .System }}</s>{{ end }}<u>{{ .Prompt }}</u><a>{{ .Response }}</a>\n";
  EXPECT_EQ(render(kSource, chat({message("system", "S"), message("user", "1"), message("assistant", "A"),
                                  message("user", "2")})),
            "<s>S</s><u>1</u><a>A</a>\n<u>2</u><a>");
  // An answer that is to be continued.
  EXPECT_EQ(render(kSource, chat({message("user", "1"), message("assistant", "A")})), "<u>1</u><a>A");
  EXPECT_EQ(render("[INST] {{ .Prompt }} [/INST]",
                   chat({message("user", "1"), message("assistant", "A"), message("user", "2")})),
            "[INST] 1 [/INST]A[INST] 2 [/INST]");
  // What follows the answer is left out wherever it stands.
  EXPECT_EQ(render("{{ if .Prompt }}{{ .Prompt }}:{{ .Response }};{{ else }}no{{ end }}end", question()),
            "Hi:");
}

TEST(GoTemplate, KeepsMarksThroughFunctions) {
  const ValueMap context = chat({message("user", "<x>\"é")});
  EXPECT_EQ(render_marked("<u>{{ .Prompt }}</u>", context), "<u>‹<x>\"é›</u>");
  EXPECT_EQ(render_marked("{{ json .Prompt }}", context), "\"‹\\u003cx\\u003e\\\"é›\"");
  EXPECT_EQ(render_marked("{{ printf \"[%s|%q|%.2s|%6s]\" .Prompt .Prompt .Prompt .Prompt }}", context),
            "[‹<x>\"é›|\"‹<x>\\\"é›\"|‹<x›|‹ <x>\"é›]");
  EXPECT_EQ(render_marked("{{ slice .Prompt 1 3 }}{{ print \"a\" .Prompt }}{{ html .Prompt }}", context),
            "‹x>›a‹<x>\"é&lt;x&gt;&#34;é›");
  EXPECT_EQ(render_marked("{{ printf .Prompt }}{{ $x := .Prompt }}{{ $x | print }}", context),
            "‹<x>\"é<x>\"é›");
  EXPECT_EQ(render_marked("{{ .System }}{{ range .Messages }}{{ .Role }}{{ end }}",
                          chat({message("system", "a"), message("system", "b")})),
            "‹a›\n\n‹b›system");
}

TEST(GoTemplate, NamesOfToolParametersAreUntrusted) {
  Value arguments = Value::map({{"z", 1}, {"a", Value::untrusted("v")}});
  Value call = Value::map({{"function", Value::map({{"name", "f"}, {"arguments", std::move(arguments)}})}});
  Value turn = Value::map({{"role", "assistant"}, {"content", Value()}, {"tool_calls", Value::list({call})}});
  const ValueMap context = chat({std::move(turn)});
  // In the order they came in.
  EXPECT_EQ(
      render_marked("{{ range .Messages }}{{ range .ToolCalls }}{{ .Function.Arguments }}{{ end }}{{ end }}",
                    context),
      "{\"‹z›\":1,\"‹a›\":\"‹v›\"}");
  EXPECT_EQ(
      render_marked("{{ range .Messages }}{{ .Content }}{{ range .ToolCalls }}"
                    "{{ range $k, $v := .Function.Arguments }}{{ $k }}={{ $v }};{{ end }}{{ end }}{{ end }}",
                    context),
      "‹z›=1;‹a›=‹v›;");
}

TEST(GoTemplate, FieldsThatAreNotGivenAreEmpty) {
  EXPECT_EQ(render("{{ range .Messages }}{{ .Thinking }}|{{ .ToolName }}|{{ len .ToolCalls }}|{{ len .Images "
                   "}}{{ end }}",
                   question()),
            "||0|0");
  EXPECT_EQ(render("{{ range .Tools }}{{ .Type }}|{{ .Function.Description }}|{{ len "
                   ".Function.Parameters.Properties }}"
                   "{{ end }}{{ $_ := .Messages }}",
                   chat({message("user", "Hi")}, {{"tools", Value::list({Value::map()})}})),
            "||0");
}

TEST(GoTemplate, ReasoningComesAsThinking) {
  Value turn = message("assistant", "A");
  turn.set("reasoning_content", Value::untrusted("R"));
  EXPECT_EQ(render("{{ range .Messages }}{{ .Thinking }}/{{ .Content }}{{ end }}", chat({turn})), "R/A");
  constexpr std::string_view kSwitch =
      "{{ .Think }} {{ .IsThinkSet }} {{ .ThinkLevel }}{{ $_ := .Messages }}";
  EXPECT_EQ(render(kSwitch, question()), "false false ");
  EXPECT_EQ(render(kSwitch, chat({turn}, {{"enable_thinking", true}, {"reasoning_effort", "high"}})),
            "true true high");
}

TEST(GoTemplate, TypescriptTypesOfParameters) {
  const auto property = [](Value type) { return Value::map({{"type", std::move(type)}}); };
  Value properties =
      Value::map({{"a", property("integer")},
                  {"b", property(Value::list({"string", "null"}))},
                  {"c", Value::map({{"anyOf", Value::list({property("array"), property("object")})}})},
                  {"d", property("odd")}});
  Value function =
      Value::map({{"name", "f"}, {"parameters", Value::map({{"properties", std::move(properties)}})}});
  const ValueMap context = chat({message("user", "Hi")},
                                {{"tools", Value::list({Value::map({{"function", std::move(function)}})})}});
  EXPECT_EQ(
      render("{{ $_ := .Messages }}{{ range .Tools }}{{ range $n, $p := .Function.Parameters.Properties }}"
             "{{ $n }}: {{ $p | toTypeScriptType }}, {{ $p.ToTypeScriptType }}; {{ end }}{{ end }}",
             context),
      "a: number, number; b: string | null, string | null; c: any[] | Record<string, any>, any[] | "
      "Record<string, any>; d: any, any; ");
}

TEST(GoTemplate, Dates) {
  EXPECT_EQ(render("{{ currentDate }} {{ yesterdayDate }}{{ $_ := .Messages }}", question()),
            "2025-07-29 2025-07-28");
}

TEST(GoTemplate, ErrorsNameTheLine) {
  EXPECT_EQ(render("{{ .Prompt }}\n{{ if }}", question()), "error: chat template: line 2: if needs a value");
  EXPECT_EQ(render("a\n\n{{ nonsense .Prompt }}", question()),
            "error: chat template: line 3: there is no function \"nonsense\"");
  EXPECT_EQ(render("\n{{ range .Messages }}\n{{ .Contnet }}{{ end }}", question()),
            "error: chat template: line 3: a message has no field .Contnet");
  EXPECT_EQ(render("{{ .Prompt }}{{ template \"x\" }}", question()),
            "error: chat template: line 1: no template \"x\" is defined");
  EXPECT_EQ(render("{{ .Prompt }}{{ if .Prompt }}\n\n", question()),
            "error: chat template: line 1: {{if}} is not closed: its {{end}} is missing");
  EXPECT_THAT(render("{{ .Prompt }}\n{{ \"x", question()), HasSubstr("line 2: a string is not closed"));
  EXPECT_THAT(render("{{ .Prompt }}{{ index .Messages 5 }}", question()), HasSubstr("between 0 and 0"));
  EXPECT_THAT(render("{{ printf \"%d\" .Prompt }}", question()), HasSubstr("%d cannot write a string"));
  EXPECT_THAT(render("{{ printf \"%s\" .Prompt 1 }}", question()), HasSubstr("uses 1 of 2 values"));
  EXPECT_THAT(render("{{ printf \"%y\" .Prompt }}", question()), HasSubstr("a verb is not one of"));
  EXPECT_THAT(render("{{ .Prompt }}", {}), HasSubstr("no list of messages"));
}

std::string repeated(std::string_view part, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

TEST(GoTemplate, HostileTemplatesEndSoon) {
  EXPECT_THAT(
      render("{{ .Prompt }}" + repeated("{{ if 1 }}", 20'000) + repeated("{{ end }}", 20'000), question()),
      HasSubstr("nests too deep"));
  EXPECT_THAT(render("{{ if .Prompt }}" + repeated("{{ else if 1 }}", 20'000) + "{{ end }}", question()),
              HasSubstr("nests too deep"));
  EXPECT_THAT(render("{{ .Prompt | len | eq " + repeated("(", 20'000) + "1" + repeated(")", 20'000) + " }}",
                     question()),
              HasSubstr("nests too deep"));
  EXPECT_THAT(
      render("{{ define \"t\" }}{{ template \"t\" . }}{{ end }}{{ template \"t\" .Prompt }}", question()),
      HasSubstr("nests too deep"));
  EXPECT_THAT(
      render("{{ .Prompt }}{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}", question()),
      HasSubstr("runs too long"));
  EXPECT_THAT(
      render("{{ $x := \"ab\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}{{ .Prompt }}", question()),
      HasSubstr("grows over 4194304 bytes"));
  EXPECT_THAT(render("{{ range 1000 }}{{ printf \"%*d\" 999999 1 }}{{ end }}{{ .Prompt }}", question()),
              HasSubstr("grows over 4194304 bytes"));
  EXPECT_THAT(render("{{ printf \"%99999999999999999999d\" 1 }}{{ .Prompt }}", question()),
              HasSubstr("is over 1000000"));
  std::string many = "{{ .Prompt }}";
  for (int i = 0; i < 3000; ++i) many += "{{ $v" + std::to_string(i) + " := 1 }}";
  EXPECT_EQ(render(many + "{{ range 30 }}{{ $v0 = 1 }}{{ end }}", question()), "Hi");
}

TEST(GoTemplate, SaysWhatItCanDo) {
  const auto can = [](std::string_view source) {
    const auto compiled = ChatTemplate::compile(source);
    return std::pair(compiled->supports_tools(), compiled->supports_thinking());
  };
  EXPECT_EQ(can("{{ .Prompt }}"), std::pair(false, false));
  EXPECT_EQ(can("{{ range .Messages }}{{ if $.Tools }}x{{ end }}{{ end }}"), std::pair(true, false));
  EXPECT_EQ(can("{{ range .Messages }}{{ .Thinking }}{{ end }}"), std::pair(false, true));
  EXPECT_EQ(can("{{ .Prompt }}<think>"), std::pair(false, true));
}

}  // namespace
}  // namespace hearth::text
