// Constrained output over published vocabularies: the sets of allowed tokens are exact, and whatever is
// chosen from them, a finished answer is JSON that keeps to its schema.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gguf/model_file.h"
#include "serving/vocabulary_loader.h"
#include "support.h"
#include "text/grammar/grammar_matcher.h"
#include "text/grammar/json_schema.h"
#include "text/grammar/testing/schema_validator.h"
#include "text/grammar/testing/slow_matcher.h"

namespace hearth {
namespace {

using text::TokenId;
using text::grammar::Grammar;
using text::grammar::GrammarMatcher;
using text::grammar::Json;
using text::grammar::TokenGrammar;
using text::grammar::TokenVocabulary;
using text::grammar::testing::SchemaValidator;
using text::grammar::testing::SlowMatcher;

constexpr std::string_view kSchemas[] = {
    R"({"type":"object"})",
    R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":30},"kind":{"enum":["cat","dog","ca\"t"]},
        "age":{"type":"integer","minimum":0,"maximum":130},"weight":{"type":"number","minimum":0.5,"maximum":99.5},
        "tags":{"type":"array","items":{"type":"string","pattern":"^[a-z]{2,12}$"},"maxItems":3}},"required":["name","kind"]})",
    R"({"type":"object","properties":{"v":{"type":["string","null"]},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},
        "required":["v","next"],"additionalProperties":{"type":"boolean"}})",
};

class GrammarMasks : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto path = testing_support::reference_set("vocabularies/ggml-vocab-" + GetParam() + ".gguf");
    HEARTH_NEEDS(path);
    auto file = gguf::ModelFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::make_unique<gguf::ModelFile>(std::move(*file));
    auto spec = serving::read_vocabulary(*file_);
    ASSERT_TRUE(spec) << spec.error().message;
    auto tokenizer = text::Tokenizer::create(std::move(*spec));
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    tokenizer_ = std::move(*tokenizer);
    vocabulary_ = std::make_shared<TokenVocabulary>(*tokenizer_);
  }

  static std::vector<TokenId> ids(std::span<const uint64_t> mask) {
    std::vector<TokenId> out;
    for (size_t i = 0; i < 64 * mask.size(); ++i) {
      if (mask[i / 64] >> (i % 64) & 1) out.push_back(static_cast<TokenId>(i));
    }
    return out;
  }

  // One of the allowed tokens; in a long answer rather one that ends something.
  TokenId choose(const std::vector<TokenId>& allowed, size_t n_bytes) {
    if (random_() % 200 < n_bytes) {
      for (const TokenId id : allowed) {
        const std::string_view bytes = vocabulary_->bytes_of(id);
        const bool ends =
            vocabulary_->is_end(id) || bytes == "\"" || bytes == "}" || bytes == "]" || bytes == "null";
        if (ends && random_() % 2 == 0) return id;
      }
    }
    return allowed[random_() % allowed.size()];
  }

  std::unique_ptr<gguf::ModelFile> file_;  // the tokenizer's views point into it
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  std::mt19937 random_{17};
};

TEST_P(GrammarMasks, AreThoseOfTheSlowMatcher) {
  for (const std::string_view schema : kSchemas) {
    const auto grammar = *text::grammar::json_schema_grammar(schema);
    const auto bound = *TokenGrammar::create(grammar, vocabulary_);
    GrammarMatcher matcher(bound);
    SlowMatcher slow(*grammar);
    size_t n_bytes = 0;
    const int full_step = 1 + static_cast<int>(random_() % 4);
    for (int step = 0; step < 12; ++step) {
      const std::vector<TokenId> allowed = ids(*matcher.allowed());
      // Every token by itself, at one of the places; at the others a few thousand of them.
      const bool every = step == full_step;
      const std::set<TokenId> known(allowed.begin(), allowed.end());
      for (TokenId id = 0; static_cast<size_t>(id) < vocabulary_->size(); ++id) {
        if (!every && random_() % 64 != 0) continue;
        ASSERT_EQ(known.count(id) == 1, slow.allows(*vocabulary_, id))
            << schema << " step " << step << " token " << id;
      }
      const TokenId chosen = choose(allowed, n_bytes);
      if (vocabulary_->is_end(chosen)) break;
      ASSERT_TRUE(matcher.accept(chosen));
      slow.push(vocabulary_->bytes_of(chosen));
      n_bytes += vocabulary_->bytes_of(chosen).size();
    }
  }
}

TEST_P(GrammarMasks, FinishedAnswersKeepToTheSchema) {
  for (const std::string_view source : kSchemas) {
    const Json schema = Json::parse(source);
    const SchemaValidator validator(schema);
    const auto bound = *TokenGrammar::create(*text::grammar::json_schema_grammar(source), vocabulary_);
    int n_finished = 0;
    for (int walk = 0; walk < 40; ++walk) {
      GrammarMatcher matcher(bound);
      std::string answer;
      bool ended = false;
      for (int step = 0; step < 400 && !ended; ++step) {
        const auto mask = matcher.allowed();
        ASSERT_TRUE(mask) << mask.error().message << " after " << answer;
        const TokenId chosen = choose(ids(*mask), answer.size());
        ASSERT_TRUE(matcher.accept(chosen));
        ended = vocabulary_->is_end(chosen);
        if (!ended) answer += tokenizer_->piece(chosen);
      }
      if (!ended) continue;
      ++n_finished;
      const Json value = Json::parse(answer, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << source << " gave " << answer;
      ASSERT_TRUE(validator.accepts(value)) << source << " gave " << answer;
    }
    EXPECT_GT(n_finished, 20) << source;
    EXPECT_LT(bound->cache_bytes(), 2 * TokenGrammar::kMaxCacheBytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, GrammarMasks,
                         testing::Values("llama-bpe", "llama-spm", "qwen2", "gemma-4"), [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace hearth
