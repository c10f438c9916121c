#include "api/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::api {
namespace {

using ::testing::HasSubstr;

std::string problem(std::string_view text) {
  const auto json = parse_json(text);
  return json ? "" : json.error().message;
}

std::string repeated(std::string_view s, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += s;
  return out;
}

TEST(Json, KeepsTheOrderOfKeys) {
  const auto json = parse_json(R"({"z":[1,{"b":2,"a":null}],"a":-1.5,"m":"é😀"})");
  ASSERT_TRUE(json);
  EXPECT_EQ(dump(*json), R"({"z":[1,{"b":2,"a":null}],"a":-1.5,"m":"é😀"})");
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* bad : {"",
                          " ",
                          "{",
                          "[1,]",
                          "{\"a\":1,}",
                          "{'a':1}",
                          "nul",
                          "1 2",
                          "\"\n\"",
                          "[1e400]",
                          "[-1e400]",
                          "\"\\ud800\"",
                          "\"\\udc00\\ud800\"",
                          "\"\\ud800x\"",
                          "\"\xff\"",
                          "\"\xc0\x80\"",
                          "\"\xed\xa0\x80\"",
                          "\xff\xfe{",
                          "{\"a\":1}x",
                          "NaN",
                          "/* */{}",
                          "{\"a\" 1}"}) {
    EXPECT_THAT(problem(bad), HasSubstr("not valid JSON")) << bad;
  }
  EXPECT_THAT(problem(std::string("{\"a\":\0 1}", 9)), HasSubstr("not valid JSON"));
  EXPECT_THAT(problem("[1e400]"), HasSubstr("out of range"));
}

TEST(Json, MessagesDoNotRepeatTheText) {
  EXPECT_LT(problem("{\"secret" + std::string(100'000, 'x')).size(), 200u);
  EXPECT_THAT(problem(R"({"a":"secret words" x})"), Not(HasSubstr("secret")));
}

TEST(Json, DepthIsLimitedWithoutRecursion) {
  EXPECT_EQ(problem(repeated("[", 64) + repeated("]", 64)), "");
  EXPECT_THAT(problem(repeated("[", 65) + repeated("]", 65)), HasSubstr("deeper than 64"));
  EXPECT_THAT(problem(repeated("[", 1'000'000)), HasSubstr("deeper than 64"));
  EXPECT_THAT(problem(repeated("{\"a\":", 1'000'000)), HasSubstr("deeper than 64"));
}

TEST(Json, DuplicateKeysAreRefused) {
  EXPECT_THAT(problem(R"({"a":1,"b":2,"a":3})"), HasSubstr("\"a\" appears twice"));
  EXPECT_EQ(problem(R"({"a":{"a":1},"b":{"a":2}})"), "");
  std::string many = "{\"k0\":0";
  for (int i = 1; i < 100; ++i) many += fmt::format(",\"k{}\":0", i);
  EXPECT_EQ(problem(many + "}"), "");
  EXPECT_THAT(problem(many + ",\"k3\":0}"), HasSubstr("\"k3\" appears twice"));
  EXPECT_THAT(problem(many + ",\"k70\":0}"), HasSubstr("\"k70\" appears twice"));
}

TEST(Json, ManyKeysAreQuickAndManyValuesRefused) {
  std::string keys = "{";
  for (int i = 0; i < 500'000; ++i) keys += fmt::format("\"{}\":0,", i);
  EXPECT_EQ(problem(keys + "\"x\":0}"), "");
  EXPECT_THAT(problem("[" + repeated("0,", 1'100'000) + "0]"), HasSubstr("more than 1048576 values"));
}

TEST(Json, LongNumbersAreHarmless) {
  EXPECT_EQ(problem("[0." + std::string(100'000, '1') + "]"), "");
  EXPECT_THAT(problem("[" + std::string(100'000, '1') + "]"), HasSubstr("out of range"));
  EXPECT_EQ(parse_json("18446744073709551616")->get<double>(), 18446744073709551616.0);
}

TEST(Json, DumpAlwaysGivesUtf8) {
  EXPECT_EQ(dump(Json{{"t", "a\xffz"}}), "{\"t\":\"a\xef\xbf\xbdz\"}");
}

TEST(Json, ValuesKeepOrderAndAreUntrusted) {
  const text::Value value =
      to_untrusted_value(*parse_json(R"({"b":[true,null,2,2.5,18446744073709551615],"a":"x"})"));
  ASSERT_TRUE(value.is_map());
  EXPECT_EQ(value.as_map()[0].first, "b");
  EXPECT_EQ(value.as_map()[1].first, "a");
  const auto& list = value.as_map()[0].second.as_list();
  EXPECT_TRUE(list[0].as_bool());
  EXPECT_TRUE(list[1].is_none());
  EXPECT_EQ(list[2].as_integer(), 2);
  EXPECT_EQ(list[3].as_float(), 2.5);
  EXPECT_EQ(list[4].as_float(), 18446744073709551615.0);
  const text::PromptText& string = value.as_map()[1].second.as_string();
  EXPECT_EQ(string.text, "x");
  EXPECT_EQ(string.untrusted, std::vector{(text::ByteRange{0, 1})});
}

TEST(JsonTest, ValuesComeBackAsTheyWent) {
  const char* text = R"({"z":[1,-2.5,"words",true,null],"a":{"b":{}}})";
  EXPECT_EQ(dump(to_json(to_untrusted_value(*parse_json(text)))), text);
  EXPECT_EQ(dump(to_json(text::Value(std::numeric_limits<double>::infinity()))), "null");
}

}  // namespace
}  // namespace hearth::api
