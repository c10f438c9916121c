#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/grammar/grammar.h"
#include "text/grammar/testing/matches.h"
#include "text/utf8.h"

namespace hearth::text::grammar {
namespace {

using ::testing::HasSubstr;
using testing::match;
using testing::Match;

std::shared_ptr<const Grammar> compile(std::string_view source) {
  auto grammar = Grammar::from_gbnf(source);
  EXPECT_TRUE(grammar) << source << ": " << grammar.error().message;
  return grammar ? *grammar : nullptr;
}

std::string error_of(std::string_view source, GrammarLimits limits = {}) {
  auto grammar = Grammar::from_gbnf(source, limits);
  if (grammar) return "";
  EXPECT_EQ(grammar.error().category, ErrorCategory::kInvalidArgument);
  return grammar.error().message;
}

void expect_whole(std::string_view source, std::initializer_list<std::string_view> yes,
                  std::initializer_list<std::string_view> no) {
  const auto grammar = compile(source);
  ASSERT_TRUE(grammar);
  for (const auto text : yes) EXPECT_EQ(match(grammar, text), Match::kWhole) << source << " on " << text;
  for (const auto text : no) EXPECT_NE(match(grammar, text), Match::kWhole) << source << " on " << text;
}

TEST(Gbnf, LiteralsAndChoices) {
  expect_whole(R"(root ::= "yes" | "no" | )", {"yes", "no", ""}, {"y", "yesno", "x"});
  expect_whole(R"(root ::= "a\n\t\"\\\x41\u00e9\U0001F642")", {"a\n\t\"\\Aé🙂"}, {"a"});
}

TEST(Gbnf, Repeats) {
  expect_whole(R"(root ::= "a"* "b"+ "c"?)", {"b", "aabbc", "bc"}, {"a", "ac", "bcc"});
  expect_whole(R"(root ::= "a"{2} "b"{1,} "c"{0,2})", {"aab", "aabbbcc"}, {"ab", "aa", "aabccc"});
  expect_whole(R"(root ::= ("ab" | "c"){2,3})", {"abc", "cc", "cabab"}, {"ab", "cccc"});
  expect_whole(R"(root ::= ("a"?){3} "b")", {"b", "ab", "aaab"}, {"aaaab"});
  expect_whole(R"(root ::= ("a"*)* "b")", {"b", "aaaaaab"}, {"a"});
  expect_whole(R"(root ::= [a-z]{0,0} "x")", {"x"}, {"ax"});
}

TEST(Gbnf, ALargeCountIsOneInstruction) {
  const auto grammar = compile(R"(root ::= ("a" | "bc"){1000,1000000})");
  EXPECT_LT(grammar->program().size(), 10u);
  EXPECT_EQ(match(grammar, std::string(999, 'a')), Match::kBeginning);
  EXPECT_EQ(match(grammar, std::string(1000, 'a')), Match::kWhole);
  EXPECT_EQ(match(grammar, std::string(20000, 'a')), Match::kWhole);
}

TEST(Gbnf, Classes) {
  expect_whole("root ::= [a-cx_-]+", {"abcx_-"}, {"d", "A"});
  expect_whole("root ::= [^a-c\\n]", {"d", "é", "🙂", "\x7f"}, {"a", "\n", "\xff", ""});
  expect_whole("root ::= [à-ü]", {"é", "ü"}, {"e", "ÿ", "\xc3"});
  expect_whole("root ::= [\\u0800-\\U0010FFFF]",
               {"\u0800", "\uD7FF", "\uE000", "\uFFFF", "\U00010000", "\U0010FFFF"},
               {"\u07FF", "\xed\xa0\x80", "\xf4\x90\x80\x80"});
  expect_whole("root ::= [\\]\\[]+", {"[]"}, {"\\"});
  expect_whole("root ::= .", {"\n", "a", "語"}, {"", "ab", "\x80"});
}

// Every class must match exactly its characters, wherever it is cut into UTF-8 bytes.
TEST(Gbnf, ClassBoundsAreExact) {
  for (const uint32_t first :
       {0x0u, 0x41u, 0x7Fu, 0x80u, 0x7C5u, 0x801u, 0x1234u, 0xD7FFu, 0xFFF0u, 0x10041u}) {
    for (const uint32_t length : {0u, 1u, 0x3Eu, 0x3Fu, 0x40u, 0xFFFu, 0x12345u}) {
      Rules rules;
      const CodePointSet set = normalised({{first, first + length}});
      const RuleId root = rules.declare("root");
      rules.define(root, rules.characters(set));
      const auto grammar = *Grammar::compile(rules, root);
      for (const uint32_t c : {first, first + length, first + length / 2, first - 1, first + length + 1}) {
        if (c > kMaxCodePoint || (c >= 0xD800 && c < 0xE000)) continue;
        std::string text;
        append_utf8(c, text);
        EXPECT_EQ(match(grammar, text) == Match::kWhole, c >= first && c <= first + length)
            << first << "+" << length << " on " << c;
      }
    }
  }
}

TEST(Gbnf, RulesGroupsAndLayout) {
  expect_whole(R"(# a list of numbers
root  ::= item (
    "," ws   # in a group, lines may end anywhere
    item
  )*
ws    ::= [ \t]* |
item  ::= "-"? [0-9]+
        | "none" ws |
          "nil"
)",
               {"1", "1, 2,-3", "none ,nil"}, {"", "1,", "1 ,2"});
}

TEST(Gbnf, Recursion) {
  const auto grammar = compile("root ::= \"(\" root \")\" | \"x\" list\nlist ::= \";\" list | \"\"");
  EXPECT_EQ(match(grammar, "((x;;;))"), Match::kWhole);
  EXPECT_EQ(match(grammar, "((x;;;)"), Match::kBeginning);
  EXPECT_EQ(match(grammar, "(x))"), Match::kNo);
  EXPECT_EQ(match(grammar, std::string(5000, '(') + "x" + std::string(5000, ')')), Match::kWhole);
}

TEST(Gbnf, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_THAT(error_of("start ::= \"a\""), HasSubstr("no rule \"root\""));
  EXPECT_THAT(error_of("root ::= a b"), HasSubstr("\"a\" is used but not defined"));
  EXPECT_THAT(error_of("root ::= \"a\"\nroot ::= \"b\""),
              HasSubstr("line 2: the rule \"root\" is defined twice"));
  EXPECT_THAT(error_of("root ::= \"a"), HasSubstr("not closed"));
  EXPECT_THAT(error_of("root ::= [a"), HasSubstr("not closed"));
  EXPECT_THAT(error_of("root ::= []"), HasSubstr("matches nothing"));
  EXPECT_THAT(error_of("root ::= [z-a]"), HasSubstr("ends before it begins"));
  EXPECT_THAT(error_of("root ::= (\"a\""), HasSubstr("\")\" is expected"));
  EXPECT_THAT(error_of("root ::= \"a\"{3,2}"), HasSubstr("3 to 2"));
  EXPECT_THAT(error_of("root ::= \"a\"{9999999999}"), HasSubstr("count"));
  EXPECT_THAT(error_of("root ::= \"\\q\""), HasSubstr("escape"));
  EXPECT_THAT(error_of("root ::= \"\\ud800\""), HasSubstr("not a character"));
  EXPECT_THAT(error_of("root = \"a\""), HasSubstr("::="));
  EXPECT_THAT(error_of("root ::= \"a\" )"), HasSubstr("end of the line"));
  EXPECT_THAT(error_of("\n\nroot ::= \"\xff\""), HasSubstr("line 3"));
}

TEST(Gbnf, HostileGrammarsAreRefused) {
  EXPECT_THAT(error_of("root ::= root \"a\" | \"b\""), HasSubstr("left recursive"));
  EXPECT_THAT(error_of("root ::= a? root2\na ::= \"x\"\nroot2 ::= a* root | a"), HasSubstr("left recursive"));
  EXPECT_THAT(error_of("root ::= \"(\" root \")\""), HasSubstr("no finite text"));
  EXPECT_THAT(error_of("root ::= \"a\" | b\nb ::= \"x\" b"), HasSubstr("no finite text"));
  EXPECT_THAT(error_of("root ::= " + std::string(500, '(') + "\"a\"" + std::string(500, ')')),
              HasSubstr("nested deeper"));
  EXPECT_THAT(error_of("root ::= (((((\"a\"?){99}){99}){99}){99}){99}"), HasSubstr("too large"));
  EXPECT_THAT(error_of(std::string((1 << 20) + 1, ' ')), HasSubstr("bytes"));
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += fmt::format("r{} ::= \"a\"\n", i);
  EXPECT_THAT(error_of(many), HasSubstr("too large"));
}

// Facts about rules must not cost more than the grammar is long, in whatever order it is written.
TEST(Gbnf, LongChainsOfRulesAreQuick) {
  std::string up = "root ::= r0\n", down = "root ::= r9000\n";
  for (int i = 0; i < 9000; ++i) {
    up += fmt::format("r{} ::= r{}\n", i, i + 1);
    down += fmt::format("r{} ::= r{}\n", i + 1, i);
  }
  EXPECT_EQ(match(compile(up + "r9000 ::= \"a\""), "a"), Match::kWhole);
  EXPECT_EQ(match(compile(down + "r0 ::= \"a\""), "a"), Match::kWhole);
}

TEST(Gbnf, SpecialTokensAreNotText) {
  const auto grammar = compile("root ::= <|call|> \"x\" <[7]>");
  EXPECT_EQ(match(grammar, "<|call|>x"), Match::kNo);
  EXPECT_EQ(match(grammar, "\xff<|call|>\xffx\xff[7]\xff"), Match::kWhole);
  EXPECT_THAT(grammar->tokens(), ::testing::ElementsAre("<|call|>", "[7]"));
}

}  // namespace
}  // namespace hearth::text::grammar
