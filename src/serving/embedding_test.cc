// Vectors and scores through the service that dialects see, on tiny models.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "serving/model_pool.h"
#include "synth/synthetic_model.h"

namespace hearth::serving {
namespace {

struct Found {
  std::map<size_t, std::vector<float>> values;
  std::optional<GenerationEnd> end;
  std::optional<Error> error;
};

Found read(Result<TokenStream> stream) {
  Found found;
  if (!stream) {
    found.error = stream.error();
    return found;
  }
  while (!found.end && !found.error) {
    GenerationEvent event = stream->next();
    if (auto* embedding = std::get_if<Embedding>(&event)) {
      EXPECT_TRUE(found.values.emplace(embedding->index, std::move(embedding->values)).second);
    } else if (auto* end = std::get_if<GenerationEnd>(&event)) {
      found.end = std::move(*end);
    } else {
      found.error = std::get<Error>(event);
    }
  }
  return found;
}

// A pool with one synthetic model, whose file is deleted at the end.
class Served {
 public:
  explicit Served(const std::string& spec, ModelPoolOptions options = {})
      : path_(std::filesystem::path(testing::TempDir()) /
              (spec + ".served." + std::to_string(getpid()) + ".gguf")) {
    EXPECT_TRUE(synth::write_synthetic_model({.spec = spec, .output = path_, .quant = "f32"}));
    auto pool = ModelPool::create(std::move(options));
    EXPECT_TRUE(pool);
    pool_ = std::move(*pool);
    const auto loaded = pool_->load(path_, "tiny");
    EXPECT_TRUE(loaded) << loaded.error().message;
    context_length = loaded->context_length;
  }
  ~Served() {
    pool_.reset();
    std::filesystem::remove(path_);
  }
  ModelPool* operator->() { return pool_.get(); }

  Found embed(std::vector<std::variant<std::string, std::vector<text::TokenId>>> inputs,
              bool truncate = false) {
    EmbeddingRequest request;
    request.model = "tiny";
    request.inputs = std::move(inputs);
    request.truncate = truncate;
    return read(pool_->embed(std::move(request)));
  }
  Found rank(std::string query, std::vector<std::string> documents) {
    RankRequest request;
    request.model = "tiny";
    request.query = std::move(query);
    request.documents = std::move(documents);
    return read(pool_->rank(std::move(request)));
  }

  int64_t context_length = 0;

 private:
  std::filesystem::path path_;
  std::unique_ptr<ModelPool> pool_;
};

std::string long_text(int n_words) {
  std::string text;
  for (int i = 0; i < n_words; ++i) text += "the cat ";
  return text;
}

class EmbeddingOf : public testing::TestWithParam<std::string> {};

TEST_P(EmbeddingOf, EachInputHasItsVectorAndUsageCountsAll) {
  Served served(GetParam());
  const Found both = served.embed({"the cat sat", "on the mat"});
  ASSERT_TRUE(both.end) << both.error->message;
  ASSERT_EQ(both.values.size(), 2U);
  EXPECT_NE(both.values.at(0), both.values.at(1));
  const Found first = served.embed({"the cat sat"}), second = served.embed({"on the mat"});
  EXPECT_EQ(first.values.at(0), both.values.at(0));
  EXPECT_EQ(second.values.at(0), both.values.at(1));
  EXPECT_GT(first.end->usage.prompt_tokens, 0);
  EXPECT_EQ(both.end->usage.prompt_tokens, first.end->usage.prompt_tokens + second.end->usage.prompt_tokens);
  EXPECT_EQ(both.end->usage.completion_tokens, 0);
}

TEST_P(EmbeddingOf, WhatDoesNotFitIsRefusedOrCutWhereAsked) {
  Served served(GetParam(), {.context_length = 64});
  EXPECT_EQ(served.context_length, 64);
  const Found refused = served.embed({"the cat", long_text(100)});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->category, ErrorCategory::kContextExceeded);
  EXPECT_NE(refused.error->message.find("input[1] has "), std::string::npos) << refused.error->message;
  EXPECT_NE(refused.error->message.find("64"), std::string::npos);
  const Found cut = served.embed({"the cat", long_text(100), std::vector<text::TokenId>(100, 5)}, true);
  ASSERT_TRUE(cut.end) << cut.error->message;
  const Found whole = served.embed({"the cat"});
  EXPECT_EQ(cut.end->usage.prompt_tokens, whole.end->usage.prompt_tokens + 128);
  EXPECT_EQ(whole.end->n_dropped_tokens, 0);
  EXPECT_GE(cut.end->n_dropped_tokens, 36 + 36) << "of the list and of at least a hundred words";
}

INSTANTIATE_TEST_SUITE_P(Models, EmbeddingOf,
                         testing::Values("tiny-bert", "tiny-nomic-bert", "tiny-gemma-embedding", "tiny-llama",
                                         "tiny-gemma4"));

TEST(Embedding, AnEncoderDoesNotGenerate) {
  Served served("tiny-bert");
  GenerationRequest request;
  request.model = "tiny";
  request.prompt = TextPrompt{.text = "the cat"};
  const auto stream = served->generate(std::move(request));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().category, ErrorCategory::kUnsupported);
  EXPECT_TRUE(served->healthy(nullptr));
  EXPECT_EQ(served->loaded_models().at(0).n_requests, 0U);
  EXPECT_GT(served->loaded_models().at(0).memory.embedder_bytes, 0U);
}

TEST(Embedding, AContextForGeneratingModelsDoesNotStopAnEncoder) {
  Served served("tiny-bert", {.context_length = 100'000});
  EXPECT_EQ(served.context_length, 512);
  EXPECT_TRUE(served.embed({"the cat"}).end);
}

TEST(Embedding, ADecoderEmbedsWhileItGenerates) {
  Served served("tiny-llama");
  const Found before = served.embed({"the cat sat"});
  ASSERT_TRUE(before.end) << before.error->message;
  GenerationRequest request;
  request.model = "tiny";
  request.prompt = std::vector<text::TokenId>{1, 2, 3};
  request.ignore_end_of_generation = true;
  auto stream = served->generate(std::move(request));
  ASSERT_TRUE(stream);
  const Found during = served.embed({"the cat sat"});
  EXPECT_EQ(during.values, before.values);
}

TEST(Embedding, RefusesUnknownModelsAndNothing) {
  Served served("tiny-bert");
  EmbeddingRequest request;
  request.model = "nobody";
  request.inputs = {"x"};
  EXPECT_EQ(read(served->embed(std::move(request))).error->category, ErrorCategory::kNotFound);
  EXPECT_EQ(served.embed({}).error->category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(served.embed({std::vector<text::TokenId>()}).error->category, ErrorCategory::kInvalidArgument);
}

TEST(Embedding, DroppingTheStreamFreesTheEmbedder) {
  Served served("tiny-llama");
  for (int i = 0; i < 5; ++i) {
    EmbeddingRequest request;
    request.model = "tiny";
    for (int j = 0; j < 1000; ++j) request.inputs.emplace_back("the cat sat on the mat");
    ASSERT_TRUE(served->embed(std::move(request)));
  }
  EXPECT_TRUE(served.embed({"the cat"}).end);
}

TEST(Embedding, ShuttingDownRefusesMore) {
  Served served("tiny-bert");
  served->shut_down(0);
  EXPECT_EQ(served.embed({"the cat"}).error->category, ErrorCategory::kOverloaded);
}

TEST(Ranking, AnEmbeddingModelRanksByTheCosine) {
  Served served("tiny-nomic-bert");
  const Found found = served.rank("the cat sat", {"on the mat", "the cat sat", "looked at the sea"});
  ASSERT_TRUE(found.end) << found.error->message;
  ASSERT_EQ(found.values.size(), 3U);
  const Found vectors = served.embed({"the cat sat", "on the mat"});
  const auto& a = vectors.values.at(0);
  const auto& b = vectors.values.at(1);
  EXPECT_NEAR(static_cast<double>(found.values.at(0).at(0)),
              std::inner_product(a.begin(), a.end(), b.begin(), 0.0), 1e-6);
  EXPECT_NEAR(found.values.at(1).at(0), 1, 1e-5);
  for (const auto& [index, values] : found.values) {
    ASSERT_EQ(values.size(), 2U);
    EXPECT_GE(values[1], 0);
    EXPECT_LE(values[1], 1);
  }
}

TEST(Ranking, ARerankerReadsQueryAndDocumentTogether) {
  Served served("tiny-reranker");
  const Found found = served.rank("the cat sat", {"on the mat", "looked at the sea"});
  ASSERT_TRUE(found.end) << found.error->message;
  ASSERT_EQ(found.values.size(), 2U);
  EXPECT_NE(found.values.at(0), found.values.at(1));
  for (const auto& [index, values] : found.values) {
    EXPECT_NEAR(static_cast<double>(values.at(1)), 1 / (1 + std::exp(-static_cast<double>(values.at(0)))),
                1e-6);
  }
  EXPECT_NE(served.rank("another", {"on the mat"}).values.at(0), found.values.at(0));
  EXPECT_EQ(served.embed({"the cat"}).error->category, ErrorCategory::kUnsupported);
  const Found refused = served.rank("the cat", {"the mat", long_text(400)});
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->category, ErrorCategory::kContextExceeded);
  EXPECT_NE(refused.error->message.find("documents[1]"), std::string::npos);
}

}  // namespace
}  // namespace hearth::serving
