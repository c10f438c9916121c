// Vectors of texts: alone or among others, in one pass or several, cancelled, refused and cut off.
#include "engine/embedder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <future>
#include <map>

#include "engine/random.h"
#include "kernels/kernels.h"
#include "synth/synthetic_model.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::engine {
namespace {

class Collector : public EmbedSink {
 public:
  void on_vector(size_t index, std::vector<float> values) override {
    vectors[index] = std::move(values);
    if (vectors.size() == 1) first.set_value();
  }
  void on_end(const EmbedEnd& end) override { ended.set_value(end); }
  EmbedEnd wait() { return ended.get_future().get(); }

  std::map<size_t, std::vector<float>> vectors;
  std::promise<void> first;
  std::promise<EmbedEnd> ended;
};

// Writes a synthetic model, and deletes it at the end.
class TinyModel {
 public:
  explicit TinyModel(const std::string& spec, const std::string& quant = "f32")
      : path_(std::filesystem::path(testing::TempDir()) /
              (spec + "." + quant + "." + std::to_string(getpid()) + ".gguf")) {
    EXPECT_TRUE(synth::write_synthetic_model({.spec = spec, .output = path_, .quant = quant}));
    auto file = gguf::ModelFile::open(path_);
    EXPECT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    auto model = model::Model::load(*file_);
    EXPECT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
  }
  ~TinyModel() { std::filesystem::remove(path_); }

  const model::Model& model() const { return *model_; }
  std::unique_ptr<Embedder> embedder(EmbedderOptions options = {}) {
    if (options.context_length == 0) options.context_length = 512;
    auto embedder =
        Embedder::create(*model_, tensor::create_cpu_backend(*kernels::available_kernels().front(), pool_),
                         std::move(options));
    EXPECT_TRUE(embedder) << embedder.error().message;
    return std::move(*embedder);
  }
  // Arbitrary tokens.
  EmbedText text(size_t n_tokens, uint64_t seed) const {
    Random random(seed);
    EmbedText text;
    while (text.tokens.size() < n_tokens) {
      text.tokens.push_back(
          static_cast<int32_t>(random.uniform() * static_cast<double>(model_->config().vocab_size)));
    }
    return text;
  }

 private:
  std::filesystem::path path_;
  std::optional<gguf::ModelFile> file_;
  std::unique_ptr<model::Model> model_;
  ThreadPool pool_{2};
};

std::vector<std::vector<float>> embed(Embedder& embedder, std::vector<EmbedText> texts, bool rank = false) {
  auto sink = std::make_shared<Collector>();
  const auto id = embedder.submit({.texts = texts, .rank = rank, .sink = sink});
  EXPECT_TRUE(id) << id.error().message;
  const EmbedEnd end = sink->wait();
  EXPECT_FALSE(end.error) << end.error->message;
  std::vector<std::vector<float>> vectors;
  for (auto& [index, values] : sink->vectors) vectors.push_back(values);
  EXPECT_EQ(vectors.size(), texts.size());
  return vectors;
}

class EmbedderOf : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(EmbedderOf, ATextGivesTheSameAloneAndAmongOthers) {
  TinyModel tiny(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const auto embedder = tiny.embedder({.pass_rows = 128});
  std::vector<EmbedText> texts;
  for (const size_t n : {1, 2, 3, 7, 16, 5, 63, 64, 65, 100, 4, 127, 128, 129, 9, 400, 30, 1})
    texts.push_back(tiny.text(n, n + texts.size()));
  std::vector<std::vector<float>> alone;
  for (const EmbedText& text : texts) alone.push_back(embed(*embedder, {text}).at(0));
  EXPECT_EQ(embed(*embedder, texts), alone);

  // Several requests at once, in another order.
  std::vector<std::shared_ptr<Collector>> sinks;
  for (size_t i = 0; i < texts.size(); ++i) {
    sinks.push_back(std::make_shared<Collector>());
    ASSERT_TRUE(embedder->submit({.texts = {texts[texts.size() - 1 - i], texts[i]}, .sink = sinks.back()}));
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_FALSE(sinks[i]->wait().error);
    EXPECT_EQ(sinks[i]->vectors[0], alone[texts.size() - 1 - i]);
    EXPECT_EQ(sinks[i]->vectors[1], alone[i]);
  }
}

TEST_P(EmbedderOf, TheSizeOfPassesChangesNothing) {
  TinyModel tiny(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const std::vector<EmbedText> texts = {tiny.text(300, 1), tiny.text(40, 2), tiny.text(512, 3)};
  EXPECT_EQ(embed(*tiny.embedder({.pass_rows = 64}), texts),
            embed(*tiny.embedder({.pass_rows = 512}), texts));
}

TEST_P(EmbedderOf, VectorsHaveUnitLengthUnlessAskedOtherwise) {
  TinyModel tiny(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const auto embedder = tiny.embedder();
  const auto length = [](const std::vector<float>& vector) {
    double squares = 0;
    for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
    return std::sqrt(squares);
  };
  const auto unit = embed(*embedder, {tiny.text(20, 5)}).at(0);
  EXPECT_EQ(static_cast<int64_t>(unit.size()), tiny.model().pooled_width());
  EXPECT_NEAR(length(unit), 1, 1e-5);
  auto sink = std::make_shared<Collector>();
  ASSERT_TRUE(embedder->submit({.texts = {tiny.text(20, 5)}, .normalise = false, .sink = sink}));
  ASSERT_FALSE(sink->wait().error);
  const std::vector<float>& raw = sink->vectors[0];
  for (size_t i = 0; i < unit.size(); ++i)
    EXPECT_NEAR(static_cast<double>(raw[i]) / length(raw), static_cast<double>(unit[i]), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Models, EmbedderOf,
                         testing::Combine(testing::Values("tiny-bert", "tiny-nomic-bert",
                                                          "tiny-gemma-embedding", "tiny-llama",
                                                          "tiny-gemma4-e4b"),
                                          testing::Values("f32", "q8_0")));

TEST(Embedder, ARerankerTellsSegmentsApartAndGivesOneScore) {
  TinyModel tiny("tiny-reranker");
  const auto embedder = tiny.embedder();
  EmbedText one_segment = tiny.text(30, 1), two_segments = one_segment;
  two_segments.second_segment = 10;
  const auto scores = embed(*embedder, {one_segment, two_segments}, true);
  ASSERT_EQ(scores[0].size(), 1U);
  EXPECT_NE(scores[0], scores[1]);
  TinyModel plain("tiny-bert");
  const auto refused = plain.embedder()->submit(
      {.texts = {plain.text(3, 1)}, .rank = true, .sink = std::make_shared<Collector>()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kUnsupported);
}

TEST(Embedder, RefusesByTheNumberOfTheInput) {
  TinyModel tiny("tiny-bert");
  const auto embedder = tiny.embedder({.context_length = 50});
  const auto refuse = [&](std::vector<EmbedText> texts) {
    const auto id = embedder->submit({.texts = std::move(texts), .sink = std::make_shared<Collector>()});
    EXPECT_FALSE(id);
    return id ? Error() : id.error();
  };
  const EmbedText good = tiny.text(50, 1);
  Error error = refuse({good, tiny.text(51, 1)});
  EXPECT_EQ(error.category, ErrorCategory::kContextExceeded);
  EXPECT_EQ(error.message, "input[1] has 51 tokens, the model takes 50");
  error = refuse({good, good, {}});
  EXPECT_EQ(error.category, ErrorCategory::kInvalidArgument);
  EXPECT_NE(error.message.find("input[2]"), std::string::npos);
  EXPECT_EQ(refuse({EmbedText{{512}}}).category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refuse({EmbedText{{-1}}}).category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refuse({}).category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(embed(*embedder, {good}).size(), 1U);
}

TEST(Embedder, CancellingEndsARequestAndTheOthersGoOn) {
  TinyModel tiny("tiny-llama");
  const auto embedder = tiny.embedder({.pass_rows = 64});
  std::vector<EmbedText> many;
  for (size_t i = 0; i < 2000; ++i) many.push_back(tiny.text(64, i));
  auto running = std::make_shared<Collector>();
  const auto id = embedder->submit({.texts = many, .sink = running});
  ASSERT_TRUE(id);
  running->first.get_future().wait();
  auto other = std::make_shared<Collector>();
  ASSERT_TRUE(embedder->submit({.texts = {many[0], many[1]}, .sink = other}));
  embedder->cancel(*id);
  embedder->cancel(12345);
  const EmbedEnd end = running->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->category, ErrorCategory::kCancelled);
  EXPECT_LT(running->vectors.size(), many.size());
  EXPECT_FALSE(other->wait().error);
  EXPECT_EQ(other->vectors.size(), 2U);
  EXPECT_EQ(embed(*embedder, {many[0]}).at(0), other->vectors[0]);
}

TEST(Embedder, ALongRequestDoesNotHoldUpAShortOne) {
  TinyModel tiny("tiny-llama");
  const auto embedder = tiny.embedder({.pass_rows = 64});
  auto longer = std::make_shared<Collector>();
  const auto id = embedder->submit({.texts = std::vector<EmbedText>(2000, tiny.text(64, 1)), .sink = longer});
  ASSERT_TRUE(id);
  longer->first.get_future().wait();
  embed(*embedder, {tiny.text(10, 2)});
  embedder->cancel(*id);
  EXPECT_TRUE(longer->wait().error);
  EXPECT_LT(longer->vectors.size(), 2000U);
}

TEST(Embedder, TakesABoundedNumberOfRequestsAndTokens) {
  TinyModel tiny("tiny-llama");
  const auto embedder = tiny.embedder({.pass_rows = 64, .max_waiting = 4, .max_waiting_tokens = 300'000});
  std::vector<std::shared_ptr<Collector>> sinks;
  const auto submit = [&](size_t n_texts) {
    sinks.push_back(std::make_shared<Collector>());
    return embedder->submit(
        {.texts = std::vector<EmbedText>(n_texts, tiny.text(100, 1)), .sink = sinks.back()});
  };
  const auto first = submit(3000);
  ASSERT_TRUE(first);
  auto refused = submit(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kQueueFull);
  embedder->cancel(*first);
  EXPECT_TRUE(sinks[0]->wait().error);
  std::vector<Embedder::RequestId> ids;
  while (embedder->n_unfinished() > 0) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    const auto id = submit(600);
    ASSERT_TRUE(id) << id.error().message;
    ids.push_back(*id);
  }
  refused = submit(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kQueueFull);
  for (const auto id : ids) embedder->cancel(id);
}

TEST(Embedder, TakesABoundedNumberOfTokensInOneRequest) {
  TinyModel tiny("tiny-llama");
  const auto embedder = tiny.embedder({.max_request_tokens = 100});
  const auto refused = embedder->submit(
      {.texts = {tiny.text(60, 1), tiny.text(41, 2)}, .sink = std::make_shared<Collector>()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(embed(*embedder, {tiny.text(60, 1), tiny.text(40, 2)}).size(), 2U);
}

TEST(Embedder, ShuttingDownEndsWhatRunsAndRefusesMore) {
  TinyModel tiny("tiny-llama");
  const auto embedder = tiny.embedder({.pass_rows = 64});
  auto sink = std::make_shared<Collector>();
  ASSERT_TRUE(embedder->submit({.texts = std::vector<EmbedText>(3000, tiny.text(64, 1)), .sink = sink}));
  embedder->shut_down(std::chrono::milliseconds(0));
  const EmbedEnd end = sink->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->category, ErrorCategory::kOverloaded);
  EXPECT_EQ(embedder->n_unfinished(), 0U);
  EXPECT_FALSE(embedder->submit({.texts = {tiny.text(3, 1)}, .sink = std::make_shared<Collector>()}));
}

TEST(Embedder, DestroyingItEndsWhatRuns) {
  TinyModel tiny("tiny-llama");
  auto sink = std::make_shared<Collector>();
  {
    const auto embedder = tiny.embedder();
    ASSERT_TRUE(embedder->submit({.texts = std::vector<EmbedText>(3000, tiny.text(64, 1)), .sink = sink}));
  }
  const EmbedEnd end = sink->wait();
  EXPECT_TRUE(!end.error || end.error->category == ErrorCategory::kCancelled);
}

TEST(Embedder, ADamagedFileIsAnErrorForAll) {
  TinyModel tiny("tiny-llama");
  std::atomic<bool> damaged = false;
  const auto embedder = tiny.embedder({.damaged = [&] { return damaged.load(); }});
  EXPECT_EQ(embed(*embedder, {tiny.text(3, 1)}).size(), 1U);
  damaged = true;
  auto sink = std::make_shared<Collector>();
  ASSERT_TRUE(embedder->submit({.texts = {tiny.text(3, 1)}, .sink = sink}));
  const EmbedEnd end = sink->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->category, ErrorCategory::kIo);
  EXPECT_TRUE(embedder->failure());
  EXPECT_FALSE(embedder->submit({.texts = {tiny.text(3, 1)}, .sink = std::make_shared<Collector>()}));
}

TEST(Embedder, PlansWhatItTakes) {
  TinyModel tiny("tiny-gemma-embedding");
  const EmbedderOptions options{.context_length = 512};
  ThreadPool threads(2);
  const auto planning = tensor::create_cpu_backend(*kernels::available_kernels().front(), threads);
  const auto planned = Embedder::planned_bytes(tiny.model().config(), options, *planning);
  ASSERT_TRUE(planned);
  const auto embedder = tiny.embedder(options);
  EXPECT_EQ(embedder->bytes(), *planned);
}

}  // namespace
}  // namespace hearth::engine
