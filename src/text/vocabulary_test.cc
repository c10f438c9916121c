// Vocabularies as broken files have them: one clear error each, or a defined meaning.
#include "text/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "text/testing/small_vocabulary.h"

namespace hearth::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SmallVocabulary;

void expect_corrupt(SmallVocabulary& vocabulary, std::string_view message) {
  const auto tokenizer = vocabulary.create();
  ASSERT_FALSE(tokenizer) << message;
  EXPECT_EQ(tokenizer.error().category, ErrorCategory::kCorrupt);
  EXPECT_THAT(tokenizer.error().message, HasSubstr(message));
}

SmallVocabulary byte_level() {
  SmallVocabulary vocabulary("gpt2", "gpt-2");
  vocabulary.add_byte_characters();
  return vocabulary;
}

TEST(Vocabulary, NamesUnknownModels) {
  SmallVocabulary vocabulary("rwkv");
  vocabulary.add("a");
  const auto tokenizer = vocabulary.create();
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().category, ErrorCategory::kUnsupported);
  EXPECT_THAT(tokenizer.error().message, HasSubstr("\"rwkv\""));
  EXPECT_THAT(tokenizer.error().message, HasSubstr("gemma4, gpt2, llama, bert"));
}

TEST(Vocabulary, RefusesNoTokens) {
  for (const char* model : {"gemma4", "gpt2", "llama", "bert"}) {
    SmallVocabulary vocabulary(model);
    expect_corrupt(vocabulary, "no tokens");
  }
}

TEST(Vocabulary, RefusesArraysOfOtherLengths) {
  auto scores = byte_level();
  scores.spec().scores.pop_back();
  expect_corrupt(scores, "256 tokens but 255 scores");
  auto types = byte_level();
  types.spec().types.push_back(1);
  expect_corrupt(types, "256 tokens but 257 token types");
  SmallVocabulary unscored("llama");
  unscored.add("a");
  unscored.spec().scores.clear();
  expect_corrupt(unscored, "needs scores");
}

TEST(Vocabulary, RefusesBrokenTokens) {
  auto invalid = byte_level();
  invalid.add("ab\xFF");
  expect_corrupt(invalid, "token 256 is not valid UTF-8");
  auto surrogate = byte_level();
  surrogate.add("\xED\xA0\x80");
  expect_corrupt(surrogate, "token 256 is not valid UTF-8");
  auto huge = byte_level();
  huge.add(std::string(1 << 20, 'x'));
  expect_corrupt(huge, "token 256 has 1048576 bytes");
  auto long_control = byte_level();
  long_control.control(std::string(Vocabulary::kMaxSpecialBytes + 1, 'x'));
  expect_corrupt(long_control, "special token 256");
  auto byte = byte_level();
  byte.add("<0xG0>", TokenType::kByte);
  expect_corrupt(byte, "<0xNN>");
  auto type = byte_level();
  type.spec().types[7] = 9;
  expect_corrupt(type, "token 7 has the unknown type 9");
  type.spec().types[7] = -1;
  expect_corrupt(type, "token 7 has the unknown type -1");
  auto score = byte_level();
  score.spec().scores[3] = std::nanf("");
  expect_corrupt(score, "score of token 3");
}

TEST(Vocabulary, AcceptsPiecesUpToTheLimit) {
  auto vocabulary = byte_level();
  vocabulary.add(std::string(Vocabulary::kMaxPieceBytes, 'x'));
  vocabulary.control(std::string(Vocabulary::kMaxSpecialBytes, 'y'));
  EXPECT_TRUE(vocabulary.create());
}

TEST(Vocabulary, RefusesIdsOutside) {
  for (const auto member :
       {&VocabularySpec::bos, &VocabularySpec::eos, &VocabularySpec::eot, &VocabularySpec::eom,
        &VocabularySpec::unknown, &VocabularySpec::separator, &VocabularySpec::mask, &VocabularySpec::cls}) {
    for (const TokenId id : {-1, 256, INT32_MAX, INT32_MIN}) {
      auto vocabulary = byte_level();
      vocabulary.spec().*member = id;
      expect_corrupt(vocabulary, "outside the vocabulary of 256 tokens");
    }
  }
  auto suppressed = byte_level();
  suppressed.spec().suppressed = {3, 256};
  expect_corrupt(suppressed, "suppressed token id 256");
  auto padding = byte_level();
  padding.spec().padding = 256;
  const auto tokenizer = padding.create();
  ASSERT_TRUE(tokenizer);
  EXPECT_FALSE((*tokenizer)->spec().padding);
}

TEST(Vocabulary, RefusesMergesOutside) {
  for (const char* merge : {"", " ", "ab", "a ", " a", "  "}) {
    auto vocabulary = byte_level();
    vocabulary.raw_merge(merge);
    expect_corrupt(vocabulary, "merge 0 is not two tokens");
  }
  auto part = byte_level();
  part.merge("a", "b");
  part.raw_merge("zz a");
  expect_corrupt(part, "merge 1 joins something");
  auto result = byte_level();
  result.raw_merge("a z");
  expect_corrupt(result, "merge 0 makes something");
}

TEST(Vocabulary, FirstOfEqualTokensAndMergesCounts) {
  auto vocabulary = byte_level();
  const TokenId shadowed = vocabulary.control("ab");
  const TokenId ab = vocabulary.add("ab");
  vocabulary.add("ab");
  vocabulary.raw_merge("a b");
  vocabulary.merge("b", "c");
  vocabulary.raw_merge("a b");
  const auto tokenizer = vocabulary.create();
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT((*tokenizer)->encode("abc"), ElementsAre(ab, 'c'));
  EXPECT_EQ((*tokenizer)->find("ab"), ab);
  EXPECT_TRUE((*tokenizer)->is_control(shadowed));
}

TEST(Vocabulary, FindsTheEndsOfGeneration) {
  auto vocabulary = byte_level();
  const TokenId eos = vocabulary.control("<|endoftext|>");
  const TokenId im_end = vocabulary.user_defined("<|im_end|>");
  vocabulary.add("<|eot_id|>");  // ordinary text, whatever it looks like
  const TokenId own = vocabulary.control("<stop>");
  vocabulary.spec().eot = own;
  vocabulary.spec().eos = eos;
  const auto tokenizer = vocabulary.create();
  ASSERT_TRUE(tokenizer);
  EXPECT_THAT((*tokenizer)->end_of_generation(), ElementsAre(eos, im_end, own));
}

TEST(Vocabulary, FindsManyAtOnce) {
  auto small = byte_level();
  small.merge("a", "b");
  const auto vocabulary = Vocabulary::create(small.spec());
  ASSERT_TRUE(vocabulary);
  std::vector<std::string_view> spellings;
  for (size_t i = 0; i < vocabulary->size(); ++i) {
    spellings.push_back(vocabulary->spelling(static_cast<TokenId>(i)));
    spellings.push_back("absent");
  }
  std::vector<TokenId> ids(spellings.size());
  vocabulary->find_all(spellings, ids);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], vocabulary->find(spellings[i]));
  EXPECT_EQ(ids[513], Vocabulary::kNoToken);
}

}  // namespace
}  // namespace hearth::text
