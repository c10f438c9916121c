#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/stream_decoder.h"
#include "text/testing/small_vocabulary.h"

namespace hearth::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SmallVocabulary;

std::unique_ptr<Tokenizer> created(SmallVocabulary& vocabulary) {
  auto tokenizer = vocabulary.create();
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

// Byte-level BPE with a few merges and one special token of each kind.
struct ByteLevel : ::testing::Test {
  ByteLevel() {
    vocabulary.add_byte_characters();
    for (const char* pair : {"a b", "ab c", "Ġ ab"}) {
      const std::string_view view = pair;
      const size_t space = view.find(' ');
      vocabulary.merge(std::string(view.substr(0, space)), std::string(view.substr(space + 1)));
    }
    end = vocabulary.control("<|end|>");
    longer = vocabulary.control("<|end|>>");
    tool = vocabulary.user_defined("<tool>");
    spaces = vocabulary.user_defined("    ");
    vocabulary.spec().bos = end;
    tokenizer = created(vocabulary);
  }

  TokenId id(std::string_view spelling) const { return tokenizer->find(spelling).value(); }

  SmallVocabulary vocabulary{"gpt2", "gpt-2"};
  TokenId end, longer, tool, spaces;
  std::unique_ptr<Tokenizer> tokenizer;
};

TEST_F(ByteLevel, MergesByRank) {
  EXPECT_THAT(tokenizer->encode("abc ab"), ElementsAre(id("abc"), id("Ġab")));
  EXPECT_THAT(tokenizer->encode(""), IsEmpty());
}

TEST_F(ByteLevel, ControlTokensNeedPermission) {
  const auto plain = tokenizer->encode("a<|end|>b");
  EXPECT_EQ(std::count(plain.begin(), plain.end(), end), 0);
  EXPECT_EQ(tokenizer->decode(plain), "a<|end|>b");
  EXPECT_THAT(tokenizer->encode("a<|end|>b", {.parse_special = true}), ElementsAre(id("a"), end, id("b")));
}

TEST_F(ByteLevel, TakesTheLongestSpecialToken) {
  EXPECT_THAT(tokenizer->encode("<|end|>>", {.parse_special = true}), ElementsAre(longer));
  EXPECT_THAT(tokenizer->encode("<|end|><|end|>>", {.parse_special = true}), ElementsAre(end, longer));
}

TEST_F(ByteLevel, MatchesUserDefinedTokensAlways) {
  EXPECT_THAT(tokenizer->encode("a<tool>    b"), ElementsAre(id("a"), tool, spaces, id("b")));
}

TEST_F(ByteLevel, PromptsTrustOnlyTheTemplate) {
  const std::string text = "<|end|><|end|><tool>    ab";
  EXPECT_THAT(tokenizer->encode(PromptText{text, {}}), ElementsAre(end, end, tool, spaces, id("ab")));

  // The second <|end|>, and all from there on, came from outside.
  const auto ids = tokenizer->encode(PromptText{text, {{7, text.size()}}});
  EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 1);
  EXPECT_EQ(ids.front(), end);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tool), 0);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), spaces), 1);  // runs of spaces are text, whoever wrote them
  EXPECT_EQ(tokenizer->decode(ids, true), text);
}

TEST_F(ByteLevel, OneForeignByteSpoilsAControlToken) {
  const std::string text = "x<|end|>y";
  for (size_t at = 0; at < text.size(); ++at) {
    const auto ids = tokenizer->encode(PromptText{text, {{at, at + 1}}});
    const bool inside = at >= 1 && at < 8;
    EXPECT_EQ(std::count(ids.begin(), ids.end(), end), inside ? 0 : 1) << at;
    EXPECT_EQ(tokenizer->decode(ids, true), text);
  }
  // Where the longer spelling is spoilt, the shorter one may still count.
  EXPECT_THAT(tokenizer->encode(PromptText{"<|end|>>", {{7, 8}}}), ElementsAre(end, id(">")));
  EXPECT_THAT(tokenizer->encode(PromptText{"<|end|>>", {}}), ElementsAre(longer));
}

TEST_F(ByteLevel, MergesRunAcrossRangeBorders) {
  EXPECT_THAT(tokenizer->encode(PromptText{"abc", {{1, 2}}}), ElementsAre(id("abc")));
}

TEST_F(ByteLevel, UnsortedRangesMakeEverythingUntrusted) {
  const auto ids = tokenizer->encode(PromptText{"<|end|>ab", {{8, 9}, {7, 8}}});
  EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 0);
}

TEST_F(ByteLevel, RendersControlTokensOnRequest) {
  const TokenId ids[] = {end, id("ab"), -1, 1'000'000};
  EXPECT_EQ(tokenizer->decode(ids), "ab");
  EXPECT_EQ(tokenizer->decode(ids, true), "<|end|>ab");
  EXPECT_EQ(tokenizer->piece(end), "");
  EXPECT_EQ(tokenizer->piece(-5), "");
  EXPECT_TRUE(tokenizer->is_control(end));
  EXPECT_FALSE(tokenizer->is_control(tool));
  EXPECT_FALSE(tokenizer->is_control(-1));
}

TEST_F(ByteLevel, MergesIntoControlTokensNeverHappen) {
  const TokenId control = vocabulary.control("xy");
  vocabulary.raw_merge("x y");
  tokenizer = created(vocabulary);
  const auto ids = tokenizer->encode("xy");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), control), 0);
}

TEST(Tokenizer, IgnoreMergesTakesWholeWords) {
  for (const auto& [pre, expected] : {std::pair{"llama-bpe", 1u}, std::pair{"qwen2", 3u}}) {
    SmallVocabulary vocabulary("gpt2", pre);
    vocabulary.add_byte_characters();
    vocabulary.add("abc");  // no merges lead to it
    EXPECT_EQ(created(vocabulary)->encode("abc").size(), expected) << pre;
  }
}

TEST(Tokenizer, LeavesOutBytesNobodyHas) {
  SmallVocabulary vocabulary("gpt2", "gpt-2");
  vocabulary.add("a");
  const TokenId end = vocabulary.control("<|endoftext|>");
  vocabulary.spec().unknown = end;  // as many files have it; text must not become it
  EXPECT_THAT(created(vocabulary)->encode("aba"), ElementsAre(0, 0));
  const TokenId unknown = vocabulary.add("<unk>", TokenType::kUnknown);
  vocabulary.spec().unknown = unknown;
  EXPECT_THAT(created(vocabulary)->encode("aba"), ElementsAre(0, unknown, 0));
}

struct SentencePiece : ::testing::Test {
  SentencePiece() {
    unknown = vocabulary.add("<unk>", TokenType::kUnknown);
    bos = vocabulary.control("<s>");
    vocabulary.add_byte_tokens();
    for (const char* piece : {"▁", "a", "b", "c"}) vocabulary.add(piece, TokenType::kNormal, -100);
    bc = vocabulary.add("bc", TokenType::kNormal, -1);
    ab = vocabulary.add("ab", TokenType::kNormal, -2);
    word = vocabulary.add("▁ab", TokenType::kNormal, -3);
    vocabulary.spec().unknown = unknown;
    vocabulary.spec().bos = bos;
  }

  SmallVocabulary vocabulary{"llama"};
  TokenId unknown, bos, bc, ab, word;
};

TEST_F(SentencePiece, MergesByScoreAndPrefixesASpace) {
  const auto tokenizer = created(vocabulary);
  const TokenId a = *tokenizer->find("a");
  const TokenId space = *tokenizer->find("▁");
  EXPECT_THAT(tokenizer->encode("abc"), ElementsAre(space, a, bc));  // bc scores higher than ab
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(word));
  EXPECT_THAT(tokenizer->encode("ab ab"), ElementsAre(word, word));
  EXPECT_THAT(tokenizer->encode(""), IsEmpty());
  EXPECT_THAT(tokenizer->encode("ab", {.add_special = true}), ElementsAre(bos, word));
  EXPECT_EQ(tokenizer->decode(std::vector{bos, word, word}), "ab ab");
  EXPECT_EQ(tokenizer->decode(std::vector{bos, word, word}, true), "<s>ab ab");
  EXPECT_EQ(tokenizer->piece(word), " ab");
}

TEST_F(SentencePiece, PrefixesNothingWhereTheFileSaysSo) {
  vocabulary.spec().add_space_prefix = false;
  const auto tokenizer = created(vocabulary);
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(ab));
  EXPECT_THAT(tokenizer->encode(" ab"), ElementsAre(word));
  EXPECT_EQ(tokenizer->decode(std::vector{word}), " ab");
}

TEST_F(SentencePiece, RemovesExtraWhitespaceWhereTheFileSaysSo) {
  const auto plain = created(vocabulary);
  vocabulary.spec().remove_extra_whitespaces = true;
  const auto tokenizer = created(vocabulary);
  EXPECT_EQ(tokenizer->encode("  ab   ab "), plain->encode("ab ab"));
  EXPECT_THAT(tokenizer->encode("   "), IsEmpty());
}

TEST_F(SentencePiece, FallsBackToBytes) {
  const auto tokenizer = created(vocabulary);
  const auto ids = tokenizer->encode("é\xFF");
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(tokenizer->spec().tokens[static_cast<size_t>(ids[1])], "<0xC3>");
  EXPECT_EQ(tokenizer->decode(ids), "é\xFF");
}

TEST_F(SentencePiece, WithoutBytesThereIsOneUnknownPerCharacter) {
  SmallVocabulary bare("llama");
  bare.add("<unk>", TokenType::kUnknown);
  bare.add("▁");
  bare.spec().unknown = 0;
  EXPECT_THAT(created(bare)->encode("éx"), ElementsAre(1, 0, 0));
}

TEST(Tokenizer, GemmaKeepsNewlinesApart) {
  SmallVocabulary vocabulary("gemma4");
  vocabulary.add_byte_tokens();
  for (const char* piece : {"▁", "a", "\n", "\n\n\n"}) vocabulary.add(piece);
  vocabulary.merge("\n", "\n");
  vocabulary.merge("▁", "a");
  const TokenId bos = vocabulary.control("<bos>");
  vocabulary.spec().bos = bos;
  vocabulary.spec().add_bos = false;  // overruled: the family always has it
  const auto tokenizer = created(vocabulary);
  const auto id = [&](std::string_view s) { return *tokenizer->find(s); };
  EXPECT_THAT(tokenizer->encode(" a\n\n\na\n\n"), ElementsAre(id("▁a"), id("\n\n\n"), id("a"), id("\n\n")));
  EXPECT_THAT(tokenizer->encode("a", {.add_special = true}), ElementsAre(bos, id("a")));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(" a  a\n é")), " a  a\n é");
}

TEST(Tokenizer, GemmaJoinsOverSpacesWhereTheVocabularyDoes) {
  SmallVocabulary vocabulary("gemma4");
  vocabulary.add_byte_tokens();
  for (const char* piece : {"▁", "a", "b"}) vocabulary.add(piece);
  vocabulary.merge("a", "▁");
  vocabulary.merge("a▁", "b");
  const auto tokenizer = created(vocabulary);
  const auto id = [&](std::string_view s) { return *tokenizer->find(s); };
  EXPECT_THAT(tokenizer->encode("a bb a b"), ElementsAre(id("a▁b"), id("b"), id("▁"), id("a▁b")));
}

TEST(Tokenizer, WordPieceNormalisesAndGivesUpByWord) {
  SmallVocabulary vocabulary("bert");
  const TokenId cls = vocabulary.control("[CLS]");
  const TokenId sep = vocabulary.control("[SEP]");
  const TokenId unknown = vocabulary.control("[UNK]");
  for (const char* piece : {"▁he", "llo", "▁hell", "▁!", "▁中"}) vocabulary.add(piece);
  vocabulary.spec().cls = cls;
  vocabulary.spec().separator = sep;
  vocabulary.spec().unknown = unknown;
  const auto tokenizer = created(vocabulary);
  const auto id = [&](std::string_view s) { return *tokenizer->find(s); };
  EXPECT_THAT(tokenizer->encode("HÉ!中he\u0301"), ElementsAre(id("▁he"), id("▁!"), id("▁中"), id("▁he")));
  // The longest piece first, even where a shorter one would lead on.
  EXPECT_THAT(tokenizer->encode("hello he"), ElementsAre(unknown, id("▁he")));
  EXPECT_THAT(tokenizer->encode("he", {.add_special = true}), ElementsAre(cls, id("▁he"), sep));
  EXPECT_THAT(tokenizer->encode("\xFF\t \u200B"), IsEmpty());
  EXPECT_EQ(tokenizer->decode(std::vector{id("▁he"), id("llo"), id("▁!")}), "hello !");
}

TEST_F(SentencePiece, StreamsAsItDecodes) {
  const auto tokenizer = created(vocabulary);
  StreamDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.push(bos), "");
  EXPECT_EQ(decoder.push(word), "ab");  // at the start, without the prefix
  EXPECT_EQ(decoder.push(word), " ab");
  EXPECT_EQ(decoder.push(*tokenizer->find("<0xE2>")), "");
  EXPECT_EQ(decoder.push(*tokenizer->find("<0x82>")), "");
  EXPECT_EQ(decoder.push(*tokenizer->find("<0xAC>")), "€");
  EXPECT_EQ(decoder.push(*tokenizer->find("<0xC3>")), "");
  EXPECT_EQ(decoder.push(*tokenizer->find("a")), "\uFFFDa");
  EXPECT_EQ(decoder.push(*tokenizer->find("<0xF0>")), "");
  decoder.finish();
  EXPECT_EQ(decoder.push(*tokenizer->find("a")), "a");
}

}  // namespace
}  // namespace hearth::text
