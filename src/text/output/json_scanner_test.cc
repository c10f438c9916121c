#include "text/output/json_scanner.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::text {
namespace {

bool whole(std::string_view text) {
  JsonScanner scanner;
  for (const char c : text) {
    if (!scanner.push(c)) return false;
  }
  return scanner.finish();
}

TEST(JsonScanner, TakesEveryKindOfValue) {
  for (const char* text :
       {"{}", "[]", R"({"a":1})",
        R"( { "a" : [ 1 , -2.5e+10 , 0 , true , false , null , "x" ] , "b" : { } } )",
        R"("a\"\\\/\b\f\n\r\té")", "12", "-0", "0.5", "1E5", "[[[]]]", "\"line\nbreak\""}) {
    EXPECT_TRUE(whole(text)) << text;
  }
}

TEST(JsonScanner, RefusesAtTheFirstWrongByte) {
  for (const char* text : {"{a:1}", "{,}",  R"({"a"})",    R"({"a":})", R"({"a":1,})", R"({"a":1 "b":2})",
                           "[1,]",  "[,1]", "01",          "1.",        ".5",          "+1",
                           "1e",    "tru",  "True",        "nulll",     R"("\x")",     R"("\u12g4")",
                           "{}}",   "[}",   R"({"a":1]})", "'a'",       "{} {}",       ""}) {
    EXPECT_FALSE(whole(text)) << text;
  }
}

TEST(JsonScanner, SaysWhereItIs) {
  JsonScanner scanner;
  EXPECT_TRUE(scanner.expects_value());
  scanner.push('{');
  EXPECT_TRUE(scanner.expects_key());
  EXPECT_EQ(scanner.depth(), 1U);
  for (const char c : std::string_view(R"("k)")) scanner.push(c);
  EXPECT_TRUE(scanner.in_string());
  for (const char c : std::string_view(R"(":)")) scanner.push(c);
  EXPECT_TRUE(scanner.expects_value());
  EXPECT_FALSE(scanner.in_string());
}

TEST(JsonScanner, DepthIsBounded) {
  EXPECT_TRUE(whole(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(whole(std::string(65, '[') + std::string(65, ']')));
}

TEST(JsonScalar, NumbersAndNames) {
  for (const char* text : {"1", "-1.5e-3", "true", "false", "null"})
    EXPECT_TRUE(is_json_scalar(text)) << text;
  for (const char* text : {"", "1 ", "[]", "\"a\"", "nan", "1.2.3", "Paris"})
    EXPECT_FALSE(is_json_scalar(text)) << text;
}

TEST(JsonText, ControlCharactersBecomeEscapes) {
  std::string out;
  append_json_text("a\"b\\c\n\t\r\x01 é", out);
  EXPECT_EQ(out, R"(a\"b\\c\n\t\r\u0001 é)");
}

}  // namespace
}  // namespace hearth::text
