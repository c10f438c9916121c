#include "text/grammar/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "text/grammar/number_range.h"
#include "text/grammar/testing/matches.h"
#include "text/grammar/testing/schema_validator.h"

namespace hearth::text::grammar {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::match;
using testing::Match;
using testing::SchemaValidator;

std::string error_of(std::string_view schema, SchemaOptions options = {}) {
  const auto grammar = json_schema_grammar(schema, options);
  if (grammar) return "";
  EXPECT_EQ(grammar.error().category, ErrorCategory::kInvalidArgument);
  return grammar.error().message;
}

void expect_values(std::string_view schema, const std::vector<std::string>& yes,
                   const std::vector<std::string>& no) {
  const auto grammar = json_schema_grammar(schema);
  ASSERT_TRUE(grammar) << schema << ": " << grammar.error().message;
  for (const auto& text : yes) EXPECT_EQ(match(*grammar, text), Match::kWhole) << schema << " on " << text;
  for (const auto& text : no) EXPECT_NE(match(*grammar, text), Match::kWhole) << schema << " on " << text;
}

TEST(JsonSchema, AnyValue) {
  const std::vector<std::string> values = {"null",
                                           "true",
                                           "-1.5e+10",
                                           "\"a\\n\\u00e9\\ud83d\\ude42é🙂\"",
                                           "[]",
                                           "{}",
                                           "[1, \"a\", [{}]]",
                                           "{\"a\": {\"b\":\n  [1,2]}, \"\": 0}",
                                           "1e99",
                                           "[\n]",
                                           "0"};
  expect_values("{}", values,
                {"", "nul", "01", "1.", "+1", "1e999", "\"\\ud83d\"", "\"\\ude42\"", "\"\n\"", "\"\\x\"",
                 "[1,]", "{a:1}", " 1", "1 ", "[1] "});
  expect_values("true", {"1"}, {});
  for (const std::string& value : values) EXPECT_FALSE(Json::parse(value, nullptr, false).is_discarded());
}

TEST(JsonSchema, ValuesAreThoseThatEverythingBesideThemAllows) {
  expect_values(R"({"enum":[1,20,"a"],"maximum":10})", {"1", "\"a\""}, {"20"});
  expect_values(R"({"type":"string","enum":["abc","xyz"],"pattern":"^a"})", {"\"abc\""}, {"\"xyz\""});
  expect_values(R"({"enum":["abc","ab",7],"minLength":3})", {"\"abc\"", "7"}, {"\"ab\""});
  expect_values(R"({"enum":[{"a":1},{"a":"x"},[1]],"properties":{"a":{"$ref":"#/$defs/n"}},
                    "$defs":{"n":{"type":"integer"}}})",
                {R"({"a":1})", "[1]"}, {R"({"a":"x"})"});
  expect_values(R"({"const":2,"enum":[1,2]})", {"2"}, {"1"});
  EXPECT_EQ(error_of(R"({"const":5,"enum":[1,2]})"), "#/const: contradicts what else holds here");
  EXPECT_EQ(error_of(R"({"const":5,"type":"integer","minimum":10})"),
            "#/const: contradicts what else holds here");
  std::string many = R"({"prefixItems":[)";
  for (int i = 0; i < 600; ++i) many += R"({"enum":[1],"maximum":2},)";
  many.back() = ']';
  EXPECT_THAT(error_of(many + "}"), HasSubstr("more than 500 times"));
}

TEST(JsonSchema, LengthsBesidePatterns) {
  expect_values(R"({"pattern":"^[a-z]+$","minLength":3,"maxLength":6})", {"\"abc\"", "\"abcdef\""},
                {"\"ab\"", "\"abcdefg\"", "\"ABC\""});
  expect_values(R"({"pattern":"^[A-Z]{2}-[0-9]*$","maxLength":5})", {"\"AB-\"", "\"AB-12\""}, {"\"AB-123\""});
  expect_values(R"({"pattern":"^a","maxLength":2})", {"\"a\"", "\"ab\""}, {"\"abc\"", "\"b\""});
  expect_values(R"({"pattern":"^a{0,9}$","maxLength":3})", {"\"\"", "\"aaa\""}, {"\"aaaa\""});
  EXPECT_THAT(error_of(R"({"pattern":"^a+b+$","maxLength":3})"), HasSubstr("only where it keeps to them"));
  EXPECT_THAT(error_of(R"({"pattern":"^[a-z]{5}$","maxLength":3})"),
              HasSubstr("only where it keeps to them"));
}

TEST(JsonSchema, AFormatStandsForAPatternThatCannotBeRead) {
  expect_values(R"({"format":"date","pattern":"^(?!x).*$"})", {"\"2026-11-28\""}, {"\"today\""});
  EXPECT_THAT(error_of(R"({"pattern":"^(?!x).*$"})"), HasSubstr("look-around"));
}

TEST(JsonSchema, NamesOfPropertiesAreNotLeftOut) {
  EXPECT_THAT(error_of(R"({"properties":{"a":{"const":1}},"propertyNames":{"pattern":"^b"}})"),
              HasSubstr("propertyNames: is supported only where there are no properties"));
  EXPECT_THAT(error_of(R"({"type":"integer","minimum":9007199254740993})"), HasSubstr("2^53"));
}

TEST(JsonSchema, AnyObject) {
  const auto grammar = *json_object_grammar();
  EXPECT_EQ(match(grammar, R"({"a": [1, {"b": null}], "c": "d"})"), Match::kWhole);
  EXPECT_EQ(match(grammar, "[1]"), Match::kNo);
  EXPECT_EQ(match(grammar, "\"a\""), Match::kNo);
}

TEST(JsonSchema, ObjectsKeepTheOrderAndLeaveOutWhatIsOptional) {
  expect_values(
      R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"null"}},
                    "required":["b"]})",
      {R"({"b":"x"})", R"({"a": 1, "b": "x"})", R"({"a":1,"b":"x","c":null})", R"({"b":"","c":null})",
       "{\n  \"a\": 1,\n  \"b\": \"\"\n}"},
      {"{}", R"({"a":1})", R"({"b":"x","a":1})", R"({"b":"x","d":1})", R"({"b":"x",})", R"({,"b":"x"})"});
  expect_values(R"({"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}}})",
                {"{}", R"({"a":1})", R"({"b":2})", R"({"c":3})", R"({"a":1,"b":2})", R"({"a":1,"c":3})",
                 R"({"b":2,"c":3})", R"({"a":1,"b":2,"c":3})"},
                {R"({"a":1,"a":1})", R"({"c":3,"a":1})", R"({"a":2})"});
}

TEST(JsonSchema, OtherPropertiesAreAllowedWhereTheSchemaSaysSo) {
  expect_values(
      R"({"type":"object","properties":{"ab":{"type":"integer"}},"additionalProperties":{"type":"boolean"}})",
      {"{}", R"({"ab":1,"a":true,"abc":false})", R"({"x":true})", R"({"":true})"},
      {R"({"ab":true})", R"({"x":1})", R"({"a":true,"ab":1})", "{\"\\u0061b\":true}"});
  expect_values(R"({"type":"object","additionalProperties":{"type":"integer"}})", {"{}", R"({"a":1,"b":2})"},
                {R"({"a":""})"});
  expect_values(R"({"type":"object","additionalProperties":false})", {"{}"}, {R"({"a":1})"});
  expect_values(R"({"type":"object"})", {"{}", R"({"a":[1]})"}, {});
  expect_values(R"({"type":"object","properties":{"a":true},"required":["z"]})",
                {R"({"a":1,"z":{}})", R"({"z":1})"}, {"{}"});
  expect_values(
      R"({"type":"object","propertyNames":{"pattern":"^[a-z]+$"},"additionalProperties":{},"minProperties":1,"maxProperties":2})",
      {R"({"a":1})", R"({"a":1,"b":2})"}, {"{}", R"({"A":1})", R"({"a":1,"b":2,"c":3})"});
}

TEST(JsonSchema, Arrays) {
  expect_values(R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
                {"[1]", "[1, 2,3]"}, {"[]", "[1,2,3,4]", "[\"a\"]"});
  expect_values(R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}]})", {R"([1,"a"])"},
                {"[1]", R"([1,"a",2])", R"(["a",1])"});
  expect_values(R"({"prefixItems":[{"const":1}],"items":{"const":2},"minItems":2,"maxItems":3})",
                {"[1,2]", "[1,2,2]"}, {"[1]", "[1,2,2,2]", "[2,2]"});
  expect_values(R"({"type":"array","items":[{"const":1}],"additionalItems":false})", {"[1]"}, {"[1,1]"});
  expect_values(R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"});
  expect_values(R"({"type":"array","minItems":900000000,"items":{}})", {}, {"[]", "[1,2]"});
}

TEST(JsonSchema, Strings) {
  expect_values(R"({"type":"string","minLength":2,"maxLength":3})",
                {R"("ab")", R"("é🙂\n")", R"("\ud83d\ude42\u00e9")"},
                {R"("a")", R"("abcd")", R"("\n\n\n\n")"});
  expect_values(R"({"type":"string","maxLength":65535})", {"\"" + std::string(65535, 'x') + "\""},
                {"\"" + std::string(65536, 'x') + "\""});
  expect_values(R"({"type":"string","maxLength":99999999999})", {"\"x\""}, {});
  expect_values(R"({"type":"string","pattern":"^[a-c]{2,3}-\\d+$"})", {R"("ab-1")", R"("abc-123")"},
                {R"("a-1")", R"("ab-")", R"("xab-1")"});
  expect_values(R"({"type":"string","pattern":"b+"})", {R"("b")", R"("abba")"}, {R"("a")"});
  expect_values(R"({"type":"string","pattern":"^(a|b)$|^c"})", {R"("a")", R"("cd")"}, {R"("ab")", R"("d")"});
  expect_values(R"re({"type":"string","pattern":"^[\"\\\\\\n]+.\\x41(?:q|[^\\s\\w])?$"})re",
                {R"("\"\\\n A!")", R"("\"zA")"}, {R"("zA")", R"("\"zA ")"});
  expect_values(R"({"type":"string","pattern":"^a*$","minLength":0})", {R"("")", R"("aaa")"}, {R"("b")"});
  expect_values(R"({"type":"string","pattern":"^[a-z]{1,8}$","minLength":1,"maxLength":8})", {R"("abc")"},
                {});
}

TEST(JsonSchema, Formats) {
  expect_values(R"({"type":"string","format":"date"})", {R"("2026-11-28")", R"("2024-02-29")"},
                {R"("2026-13-01")", R"("2026-04-31")", R"("2023-02-29")", R"("2026-1-1")"});
  expect_values(R"({"type":"string","format":"date-time"})",
                {R"("2026-11-28T03:04:05Z")", R"("2026-11-28T23:59:59.123+02:00")"},
                {R"("2026-11-28 03:04:05Z")", R"("2026-11-28T24:00:00Z")"});
  expect_values(R"({"type":"string","format":"time"})", {R"("03:04:05Z")"}, {R"("3:04:05Z")"});
  expect_values(R"({"type":"string","format":"uuid"})", {R"("01234567-89ab-cdef-0123-456789abcdef")"},
                {R"("0123")"});
  expect_values(R"({"type":"string","format":"ipv4"})", {R"("192.168.0.255")"},
                {R"("256.1.1.1")", R"("1.1.1")"});
  expect_values(R"({"type":"string","format":"email"})", {R"("a.b@example.org")"}, {R"("a@b")", R"("@b.c")"});
  EXPECT_THAT(error_of(R"({"properties":{"a":{"type":"string","format":"isbn"}}})"),
              AllOf(HasSubstr("#/properties/a/format"), HasSubstr("isbn")));
}

TEST(JsonSchema, WholeNumbers) {
  expect_values(R"({"type":"integer"})", {"0", "-1", "123456789"}, {"01", "1.0", "1e3", "--1"});
  expect_values(R"({"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991})",
                {"0", "9007199254740991", "-9007199254740991"}, {"9007199254740992", "-9007199254740992"});
  expect_values(R"({"type":"integer","exclusiveMinimum":1.5,"exclusiveMaximum":4})", {"2", "3"}, {"1", "4"});
  expect_values(R"({"type":"integer","minimum":3,"exclusiveMinimum":true})", {"4"}, {"3"});
  EXPECT_THAT(error_of(R"({"type":"integer","minimum":5,"maximum":4})"), HasSubstr("no whole number"));
  EXPECT_THAT(error_of(R"({"type":"integer","minimum":"5"})"), HasSubstr("#/minimum"));
}

// Every pair of small and odd bounds, held against every number near them.
TEST(JsonSchema, WholeNumberBoundsAreExact) {
  constexpr int64_t kBounds[] = {-1001, -1000, -999, -110, -100, -99, -10, -9,  -1,   0,   1,
                                 9,     10,    11,   19,   99,   100, 109, 999, 1000, 1234};
  for (const int64_t min : kBounds) {
    for (const int64_t max : kBounds) {
      Rules rules;
      const auto numbers = whole_numbers(rules, min, max);
      ASSERT_EQ(numbers.has_value(), min <= max);
      if (!numbers) continue;
      const RuleId root = rules.declare("root");
      rules.define(root, *numbers);
      const auto grammar = *Grammar::compile(rules, root);
      for (const int64_t base : kBounds) {
        for (int64_t n = base - 2; n <= base + 2; ++n) {
          ASSERT_EQ(match(grammar, std::to_string(n)) == Match::kWhole, n >= min && n <= max)
              << min << " " << max << " " << n;
        }
      }
    }
  }
}

TEST(JsonSchema, DecimalBoundsAreExact) {
  constexpr double kBounds[] = {-20.5, -3,  -2.75, -1, -0.5, -0.05, 0, 0.001,
                                0.05,  0.5, 0.55,  1,  1.05, 2.75,  3, 20.5};
  const std::vector<std::string> texts = {
      "0",     "0.0",   "0.00",      "0.001", "0.0010",   "0.0011", "0.0009",  "0.05", "0.050",
      "0.049", "0.051", "0.5",       "0.50",  "0.500001", "0.499",  "0.55",    "0.54", "0.56",
      "0.6",   "1",     "1.0",       "1.05",  "1.049",    "1.06",   "1.5",     "2",    "2.7",
      "2.75",  "2.750", "2.7500001", "2.8",   "3",        "3.0",    "3.00001", "4",    "19",
      "20.4",  "20.5",  "20.51",     "21",    "99"};
  for (const double min : kBounds) {
    for (const double max : kBounds) {
      for (const int exclusive : {0, 1, 2, 3}) {
        Rules rules;
        const bool no_min = (exclusive & 1) != 0, no_max = (exclusive & 2) != 0;
        const auto numbers = decimal_numbers(rules, Bound{min, no_min}, Bound{max, no_max});
        if (min > max) {
          EXPECT_FALSE(numbers);
          continue;
        }
        std::shared_ptr<const Grammar> grammar;
        if (numbers) {
          const RuleId root = rules.declare("root");
          rules.define(root, *numbers);
          grammar = *Grammar::compile(rules, root);
        }
        for (const std::string& magnitude : texts) {
          for (const std::string& text : {magnitude, "-" + magnitude}) {
            const double value = std::stod(text);
            if (value == 0 && text[0] == '-') continue;  // zero is written without a sign
            const bool inside =
                (no_min ? value > min : value >= min) && (no_max ? value < max : value <= max);
            ASSERT_EQ(grammar && match(grammar, text) == Match::kWhole, inside)
                << min << " " << max << " " << exclusive << " " << text;
          }
        }
      }
    }
  }
}

TEST(JsonSchema, NumbersWithOneBound) {
  expect_values(R"({"type":"number","minimum":0.5})", {"0.5", "7", "123.75", "0.75"},
                {"0.4", "-1", "1e5", "0"});
  expect_values(R"({"type":"number","exclusiveMaximum":0})", {"-0.1", "-5"}, {"0", "0.1", "-0"});
  expect_values(R"({"type":"number","minimum":-1e300,"maximum":1e300})", {"1", "-1.5"}, {});
  expect_values(R"({"minimum":1e-7,"maximum":0.5})", {"0.0000001", "0.3"}, {"0.00000009", "0"});
  EXPECT_THAT(error_of(R"({"type":"number","minimum":1e20})"), HasSubstr("16 digits"));
}

TEST(JsonSchema, EnumsConstantsAndTypes) {
  expect_values(R"({"enum":["a\"b",1,null,{"k":[true]}]})", {R"("a\"b")", "1", "null", R"({"k":[true]})"},
                {"2", "\"a\""});
  expect_values(R"({"const":"é"})", {"\"é\""}, {"\"e\""});
  expect_values(R"({"type":["string","null"],"maxLength":1})", {"\"a\"", "null"}, {"\"ab\"", "1"});
  expect_values(R"({"type":"string","nullable":true})", {"\"a\"", "null"}, {"1"});
  expect_values(R"({"type":"string","nullable":true,"enum":["a"]})", {"\"a\"", "null"}, {"\"b\""});
  expect_values(R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"});
  EXPECT_THAT(error_of(R"({"type":"string","enum":[1]})"), HasSubstr("#/enum"));
  EXPECT_THAT(error_of(R"({"type":"strin"})"), AllOf(HasSubstr("#/type"), HasSubstr("strin")));
}

TEST(JsonSchema, Combinations) {
  expect_values(R"({"anyOf":[{"type":"integer"},{"type":"string"}]})", {"1", "\"a\""}, {"null"});
  expect_values(R"({"oneOf":[{"const":1},{"const":2}]})", {"1", "2"}, {"3"});
  expect_values(R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],
                    "anyOf":[{"properties":{"b":{"const":1}},"required":["b"]},{"properties":{"c":{"const":2}},"required":["c"]}]})",
                {R"({"a":1,"b":1})", R"({"a":1,"c":2})"},
                {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":1,"c":2})"});
  expect_values(R"({"allOf":[{"type":"object","properties":{"a":{"type":"number"}},"required":["a"]},
                            {"properties":{"a":{"type":"integer","minimum":3},"b":{"type":"null"}}}]})",
                {R"({"a":3})", R"({"a":4,"b":null})"}, {R"({"a":2})", R"({"b":null})", R"({"a":3.5})"});
  expect_values(R"({"allOf":[{"minimum":1},{"maximum":5},{"type":"integer"}]})", {"1", "5"}, {"0", "6"});
  expect_values(R"({"allOf":[{"enum":[1,2,3]},{"enum":[2,3,4]}]})", {"2", "3"}, {"1", "4"});
  expect_values(R"({"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]})",
                {"{}", R"({"a":1})"}, {R"({"b":1})"});
  EXPECT_THAT(error_of(R"({"allOf":[{"type":"string"},{"type":"integer"}]})"),
              AllOf(HasSubstr("type"), HasSubstr("contradicts")));
}

TEST(JsonSchema, References) {
  expect_values(
      R"({"$ref":"#/$defs/list","$defs":{"list":{"type":"object","properties":{"v":{"type":"integer"},
                    "next":{"anyOf":[{"$ref":"#/$defs/list"},{"type":"null"}]}},"required":["v","next"]}}})",
      {R"({"v":1,"next":{"v":2,"next":null}})"}, {R"({"v":1})"});
  expect_values(R"({"type":"array","items":{"$ref":"#"}})", {"[]", "[[],[[]]]"}, {"[1]"});
  expect_values(R"({"definitions":{"a/b~c d":{"const":1}},"$ref":"#/definitions/a~1b~0c%20d"})", {"1"},
                {"2"});
  expect_values(R"({"properties":{"a":{"const":1},"b":{"$ref":"#/properties/a"}}})", {R"({"a":1,"b":1})"},
                {});
  expect_values(
      R"({"$defs":{"n":{"type":"integer"}},"properties":{"x":{"$ref":"#/$defs/n","minimum":5,"description":"d"}}})",
      {R"({"x":5})"}, {R"({"x":4})"});
  EXPECT_THAT(error_of(R"({"$ref":"#/$defs/none"})"), AllOf(HasSubstr("#/$ref"), HasSubstr("names nothing")));
  EXPECT_THAT(error_of(R"({"$ref":"http://example.org/s.json"})"), HasSubstr("within this schema"));
  EXPECT_THAT(error_of(R"({"$ref":"#"})"), HasSubstr("no finite text"));
  EXPECT_THAT(error_of(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})"),
              HasSubstr("no finite text"));
}

TEST(JsonSchema, WhatIsNotSupportedIsNamedWithItsPath) {
  EXPECT_THAT(error_of(R"({"properties":{"a":{"type":"array","items":{"not":{}}}}})"),
              AllOf(HasSubstr("#/properties/a/items"), HasSubstr("\"not\" is not supported")));
  for (const char* keyword : {"if", "patternProperties", "dependentRequired", "contains", "multipleOf",
                              "$dynamicRef", "minLenght"}) {
    EXPECT_THAT(error_of(fmt::format(R"({{"{}":{{}}}})", keyword)), HasSubstr(keyword));
  }
  EXPECT_THAT(error_of(R"({"type":"array","uniqueItems":true})"), HasSubstr("uniqueItems"));
  EXPECT_EQ(
      error_of(
          R"({"type":"string","title":"t","description":"d","default":1,"examples":[],"x-any":2,"$schema":"s","$comment":"c"})"),
      "");
  EXPECT_THAT(error_of(R"re({"type":"string","pattern":"^(?=a)"})re"),
              AllOf(HasSubstr("#/pattern"), HasSubstr("look-around")));
  EXPECT_THAT(error_of(R"({"type":"string","pattern":"^(a)\\1$"})"), HasSubstr("\\1"));
  EXPECT_THAT(error_of(R"({"type":"string","pattern":"a","minLength":5})"), HasSubstr("minLength"));

  // Where a schema only guides, what is not supported is left out.
  const auto loose = json_schema_grammar(
      R"re({"type":"array","uniqueItems":true,"items":{"type":"string","pattern":"(?=a)","format":"x"}})re",
      {.refuse_unsupported = false});
  ASSERT_TRUE(loose) << loose.error().message;
  EXPECT_EQ(match(*loose, R"(["a","a"])"), Match::kWhole);
}

TEST(JsonSchema, HostileSchemasAreRefused) {
  EXPECT_THAT(error_of("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("must be a schema"));
  EXPECT_THAT(error_of("false"), HasSubstr("matches nothing"));
  std::string deep, end;
  for (int i = 0; i < 150; ++i) {
    deep += R"({"items":)";
    end += "}";
  }
  EXPECT_THAT(error_of(deep + "{}" + end), HasSubstr("deeper"));
  for (int i = 0; i < 1000; ++i) {
    deep += R"({"items":)";
    end += "}";
  }
  EXPECT_THAT(error_of(deep + "{}" + end), HasSubstr("too deep"));
  EXPECT_THAT(error_of(R"({"allOf":[{"$ref":"#"},{"$ref":"#"}]})"), HasSubstr("#/allOf/0"));
  EXPECT_NE(error_of(R"({"type":"object","anyOf":[{"$ref":"#"},{"$ref":"#"}]})"), "");
  EXPECT_THAT(error_of(R"({"type":"string","pattern":")" + std::string(2000, 'a') + "\"}"),
              HasSubstr("1024"));
  EXPECT_THAT(error_of(R"({"type":"string","pattern":"^((((([a-z]?){99}){99}){99}){99}){99}$"})"),
              HasSubstr("too large"));
  EXPECT_THAT(error_of(R"({"type":"string","pattern":"^)" + std::string(300, '(') + "\"}"),
              HasSubstr("nested"));
  std::string doubling = R"({"$ref":"#/$defs/d30","$defs":{"d0":{"const":1})";
  for (int i = 1; i <= 30; ++i)
    doubling += fmt::format(R"(,"d{}":{{"allOf":[{{"$ref":"#/$defs/d{}"}},{{"$ref":"#/$defs/d{}"}}]}})", i,
                            i - 1, i - 1);
  EXPECT_THAT(error_of(doubling + "}}"), HasSubstr("too large"));
  std::string members = R"({"properties":{)";
  for (int i = 0; i < 30'000; ++i) members += fmt::format(R"({}"p{}":{{}})", i == 0 ? "" : ",", i);
  EXPECT_THAT(error_of(members + "}}"), HasSubstr("members"));
}

TEST(JsonSchema, ManyOptionalPropertiesStaySmall) {
  std::string schema = R"({"type":"object","properties":{)";
  for (int i = 0; i < 800; ++i)
    schema += fmt::format(R"({}"p{}":{{"type":"integer"}})", i == 0 ? "" : ",", i);
  const auto grammar = json_schema_grammar(schema + "}}");
  ASSERT_TRUE(grammar) << grammar.error().message;
  EXPECT_LT((*grammar)->program().size(), 40'000u);
  EXPECT_EQ(match(*grammar, R"({"p0":1,"p399":2,"p799":3})"), Match::kWhole);
}

// Random texts that a schema's grammar allows are JSON that the schema validates.
TEST(JsonSchema, WhatTheGrammarAllowsValidates) {
  constexpr std::string_view kSchemas[] = {
      R"({})",
      R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":9},"age":{"type":"integer","minimum":0,"maximum":150},
          "tags":{"type":"array","items":{"enum":["x","y\"z"]},"maxItems":4},"score":{"type":"number","exclusiveMinimum":-0.5,"maximum":12.25}},
          "required":["name","score"],"additionalProperties":{"type":["boolean","null"]}})",
      R"({"anyOf":[{"type":"array","prefixItems":[{"type":"string","pattern":"^[a-f]{2,4}$"},{"const":null}],"items":{"type":"integer"},"minItems":3},
          {"allOf":[{"$ref":"#/$defs/node"},{"properties":{"extra":{"type":"string","pattern":"x\\d"}}}]}],
          "$defs":{"node":{"type":"object","properties":{"v":{"type":"number","minimum":1},"kids":{"type":"array","items":{"$ref":"#/$defs/node"},"maxItems":2}},
          "required":["v"]}}})",
      R"({"type":"object","propertyNames":{"pattern":"^k[0-9]$"},"additionalProperties":{"type":"string","nullable":true},"minProperties":1,"maxProperties":3})",
  };
  std::mt19937 random(11);
  for (const std::string_view source : kSchemas) {
    const Json schema = Json::parse(source);
    const SchemaValidator validator(schema);
    const auto grammar = json_schema_grammar(source);
    ASSERT_TRUE(grammar) << grammar.error().message;
    Automaton automaton(*grammar);
    int n_finished = 0;
    for (int walk = 0; walk < 300; ++walk) {
      automaton.begin_work();
      std::string text;
      Automaton::State state = automaton.start();
      while (text.size() < 3000 &&
             !(automaton.is_complete(state) && (automaton.is_final(state) || random() % 8 == 0))) {
        std::string choices, closing;
        for (int byte = 0; byte < 256; ++byte) {
          if (automaton.next(state, static_cast<uint8_t>(byte)) == Automaton::kDead) continue;
          choices.push_back(static_cast<char>(byte));
          if (std::string_view("\"]}0123456789ntf").find(static_cast<char>(byte)) != std::string_view::npos)
            closing.push_back(choices.back());
        }
        ASSERT_FALSE(choices.empty()) << source << " after " << text;
        // Long texts are led to an end.
        const bool close = !closing.empty() && random() % 100 < text.size();
        const std::string& from = close ? closing : choices;
        text.push_back(close && random() % 2 == 0 ? from.front() : from[random() % from.size()]);
        state = automaton.next(state, static_cast<uint8_t>(text.back()));
      }
      if (!automaton.is_complete(state)) continue;
      ++n_finished;
      const Json value = Json::parse(text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << source << " gave " << text;
      ASSERT_TRUE(validator.accepts(value)) << source << " gave " << text;
    }
    EXPECT_GT(n_finished, 100) << source;
  }
}

}  // namespace
}  // namespace hearth::text::grammar
