#include "text/grammar/grammar_matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "text/grammar/testing/slow_matcher.h"
#include "text/testing/small_vocabulary.h"

namespace hearth::text::grammar {
namespace {

using ::testing::HasSubstr;
using testing::SlowMatcher;

// Byte tokens, and pieces of many lengths over what grammars and JSON are made of.
struct Words {
  text::testing::SmallVocabulary builder{"llama"};
  TokenId unknown = builder.add("<unk>", TokenType::kUnknown);
  TokenId end = builder.control("</s>");
  TokenId call = builder.control("<|call|>");
  TokenId quote = builder.user_defined("<q>");
  std::unique_ptr<Tokenizer> tokenizer;
  std::shared_ptr<const TokenVocabulary> vocabulary;

  explicit Words(size_t n_pieces = 2000, uint32_t seed = 1) {
    builder.add_byte_tokens();
    static constexpr std::string_view kParts[] = {"a", "b",  "ab", "{",  "}",  "\"",  "[", "]",
                                                  ":", ",",  "1",  "23", ".",  "-",   "e", "\\",
                                                  "n", "\n", "▁",  "é",  "語", "🙂"};
    std::mt19937 random(seed);
    std::set<std::string> known;
    while (known.size() < n_pieces) {
      std::string piece;
      for (size_t n = 1 + random() % 6; n > 0; --n) piece += kParts[random() % std::size(kParts)];
      if (known.insert(piece).second) builder.add(piece);
    }
    builder.add(std::string(40, 'a'));  // longer than plain tokens are
    builder.spec().eos = end;
    builder.spec().unknown = unknown;
    auto created = builder.create();
    EXPECT_TRUE(created) << created.error().message;
    tokenizer = std::move(*created);
    vocabulary = std::make_shared<TokenVocabulary>(*tokenizer);
  }
  TokenId token(std::string_view text) const { return *tokenizer->find(text); }
};

std::shared_ptr<TokenGrammar> constrain(std::string_view source, const Words& words,
                                        size_t cache_bytes = TokenGrammar::kMaxCacheBytes) {
  auto grammar = Grammar::from_gbnf(source);
  EXPECT_TRUE(grammar) << source << ": " << grammar.error().message;
  auto bound = TokenGrammar::create(*grammar, words.vocabulary, cache_bytes);
  EXPECT_TRUE(bound) << bound.error().message;
  return *bound;
}

std::vector<TokenId> ids(std::span<const uint64_t> mask) {
  std::vector<TokenId> out;
  for (size_t i = 0; i < 64 * mask.size(); ++i) {
    if (mask[i / 64] >> (i % 64) & 1) out.push_back(static_cast<TokenId>(i));
  }
  return out;
}

constexpr std::string_view kGrammars[] = {
    R"(root ::= "a" | "ab" | "abb")",
    R"(root ::= [^"\\\n]* "\"")",
    R"(root ::= "\"" ([^"\\\x00-\x1F] | "\\" ["\\n]){0,12} "\"")",
    R"(root ::= "\"" ([^"\\\x00-\x1F] | "\\" ["\\n]){3,1000} "\"")",
    R"(root ::= [ab]{35,45} "1"?)",
    R"(root ::= ("a" | "b" | "ab"){2,} "1")",
    R"(root ::= .{2,5})",
    R"(root ::= [a-z]{2,7} "1"? | [0-9a-z]{9} ".")",
    R"(root ::= ([ -~] | "\n"){1,9} "é")",
    R"(root ::= "{" [A-Za-z0-9_-]+ "}" | [^"\\\x00-\x1F]{4} "\"")",
    R"(root ::= [é語]+ [^a-z]{1,3} | "🙂" root)",
    R"(root ::= <|call|> "a"+ <[2]>? | "b")",
    R"(root ::= value
value ::= "{" pair ("," pair)* "}" | "[" (value ("," value)*)? "]" | string | number
pair ::= string ":" value
string ::= "\"" [^"\\\x00-\x1F]* "\""
number ::= "-"? [0-9]+ ("." [0-9]+)? ("e" "-"? [0-9]+)?)",
    R"(root ::= (item ","){1,60} item
item ::= "[" [ab]{2,4} "]" | [123]+)",
};

// On random walks, the set of allowed tokens is what trying every token by itself gives.
TEST(GrammarMatcher, MasksAreThoseOfTheSlowMatcher) {
  const Words words(250);
  std::mt19937 random(7);
  for (const std::string_view source : kGrammars) {
    const auto grammar = constrain(source, words);
    const auto slow_grammar = *Grammar::from_gbnf(source);
    for (int walk = 0; walk < 4; ++walk) {
      GrammarMatcher matcher(grammar);
      SlowMatcher slow(*slow_grammar);
      for (int step = 0; step < 12; ++step) {
        const auto mask = matcher.allowed();
        ASSERT_TRUE(mask) << mask.error().message;
        const std::vector<TokenId> fast = ids(*mask);
        std::vector<TokenId> expected;
        for (TokenId id = 0; static_cast<size_t>(id) < words.vocabulary->size(); ++id) {
          if (slow.allows(*words.vocabulary, id)) expected.push_back(id);
        }
        ASSERT_EQ(fast, expected) << source << " step " << step;
        ASSERT_EQ(matcher.is_complete(), slow.complete());
        const TokenId chosen = fast[random() % fast.size()];
        ASSERT_TRUE(matcher.accept(chosen));
        if (words.vocabulary->is_end(chosen)) break;
        slow.push(words.vocabulary->bytes_of(chosen));
        if (!slow.alive()) break;  // a special token by its number, which the slow one does not follow
      }
    }
  }
}

TEST(GrammarMatcher, TheEndIsAllowedExactlyWhenTheTextIsComplete) {
  const Words words;
  GrammarMatcher matcher(constrain(R"(root ::= "a" "b"?)", words));
  EXPECT_FALSE(matcher.is_complete());
  EXPECT_THAT(matcher.accept(words.end).error().message, HasSubstr("does not allow"));
  ASSERT_TRUE(matcher.accept(words.token("a")));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_THAT(ids(*matcher.allowed()),
              ::testing::UnorderedElementsAre(words.end, words.token("<0x62>"), words.token("b")));
  ASSERT_TRUE(matcher.accept(words.token("b")));
  EXPECT_THAT(ids(*matcher.allowed()), ::testing::ElementsAre(words.end));
  ASSERT_TRUE(matcher.accept(words.end));
}

TEST(GrammarMatcher, ATokenThatIsNotAllowedChangesNothing) {
  const Words words;
  GrammarMatcher matcher(constrain(R"(root ::= "ab" "1")", words));
  for (const TokenId bad : {words.token("b"), words.call, words.unknown, TokenId{-1}, TokenId{1 << 30}}) {
    EXPECT_FALSE(matcher.accept(bad));
  }
  ASSERT_TRUE(matcher.accept(words.token("ab")));
  EXPECT_TRUE(matcher.accept(words.token("1")));
}

TEST(GrammarMatcher, BytesOfACharacterMayComeOneByOne) {
  const Words words;
  GrammarMatcher matcher(constrain(R"(root ::= "語")", words));
  for (const char* byte : {"<0xE8>", "<0xAA>", "<0x9E>"}) {
    EXPECT_FALSE(matcher.is_complete());
    ASSERT_TRUE(matcher.accept(words.token(byte)));
  }
  EXPECT_TRUE(matcher.is_complete());
}

TEST(GrammarMatcher, SpecialTokensAreMatchedByIdentity) {
  const Words words;
  const auto grammar = constrain(R"(root ::= <|call|> "a")", words);
  GrammarMatcher matcher(grammar);
  EXPECT_THAT(ids(*matcher.allowed()), ::testing::ElementsAre(words.call));
  EXPECT_FALSE(matcher.accept(words.token("<0xFF>")));
  ASSERT_TRUE(matcher.accept(words.call));
  ASSERT_TRUE(matcher.accept(words.token("a")));

  auto unknown = Grammar::from_gbnf("root ::= <|other|>");
  const auto bound = TokenGrammar::create(*unknown, words.vocabulary);
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().message, HasSubstr("<|other|>"));
}

TEST(GrammarMatcher, UserDefinedMarkersAreNoText) {
  const Words words;
  GrammarMatcher text(constrain(R"(root ::= [a-z<>]{3} <q>)", words));
  EXPECT_FALSE(text.accept(words.quote));
  for (const char* byte : {"<0x3C>", "<0x71>", "<0x3E>"}) ASSERT_TRUE(text.accept(words.token(byte)));
  EXPECT_THAT(ids(*text.allowed()), ::testing::ElementsAre(words.quote));
}

TEST(GrammarMatcher, AFullCacheIsThrownAwayAndNothingElse) {
  const Words words;
  const auto grammar = constrain(kGrammars[9], words, 20'000);
  const auto roomy = constrain(kGrammars[9], words);
  std::mt19937 random(3);
  GrammarMatcher a(grammar), b(grammar), reference(roomy);
  for (int step = 0; step < 300; ++step) {
    const auto expected = ids(*reference.allowed());
    ASSERT_EQ(ids(*a.allowed()), expected);
    if (step % 7 == 0) {
      ASSERT_EQ(ids(*b.allowed()), expected);
    }
    const TokenId chosen = expected[random() % expected.size()];
    ASSERT_TRUE(a.accept(chosen));
    ASSERT_TRUE(b.accept(chosen));
    ASSERT_TRUE(reference.accept(chosen));
    if (words.vocabulary->is_end(chosen)) a = b = GrammarMatcher(grammar), reference = GrammarMatcher(roomy);
  }
  EXPECT_LT(grammar->cache_bytes(), 2'000'000u);
}

// A string of up to a million characters has one set of tokens far from its ends, not a million.
TEST(GrammarMatcher, CountsFarFromTheirLimitsShareTheirSets) {
  const Words words;
  const auto grammar = constrain(R"(root ::= "\"" [^"\\\x00-\x1F]{0,1000000} "\"")", words);
  GrammarMatcher matcher(grammar);
  ASSERT_TRUE(matcher.accept(words.token("\"")));
  ASSERT_TRUE(matcher.allowed());
  const auto first = ids(*matcher.allowed());
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(matcher.accept(words.token("ab")));
    ASSERT_EQ(ids(*matcher.allowed()), first);
  }
  EXPECT_LT(grammar->cache_bytes(), 3'000'000u);
}

TEST(GrammarMatcher, AGrammarThatGrowsWithoutEndIsGivenUp) {
  const Words words(200);
  GrammarMatcher matcher(
      constrain("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\" root \"d\" | \"e\"", words));
  std::string message;
  for (int i = 0; i < 40 && message.empty(); ++i) {
    const auto mask = matcher.allowed();
    if (!mask) message = mask.error().message;
    const auto status = matcher.accept(words.token("a"));
    if (!status) message = status.error().message;
  }
  EXPECT_THAT(message, HasSubstr("too ambiguous"));
}

TEST(GrammarMatcher, TooManyWaysToBeginAreSaid) {
  const Words words;
  std::string gbnf = "root ::= \"a0\"";
  for (int i = 1; i < 25'000; ++i) gbnf += fmt::format(" | \"a{}\"", i);
  GrammarMatcher matcher(constrain(gbnf, words));
  const auto mask = matcher.allowed();
  ASSERT_FALSE(mask);
  EXPECT_THAT(mask.error().message, HasSubstr("too ambiguous"));
}

TEST(GrammarMatcher, ForcedText) {
  const Words words;
  GrammarMatcher matcher(constrain(R"(root ::= "{\"name\":" ("1" | "23") "}")", words));
  EXPECT_EQ(matcher.forced_text(100), "{\"name\":");
  EXPECT_EQ(matcher.forced_text(3), "{\"n");
}

}  // namespace
}  // namespace hearth::text::grammar
