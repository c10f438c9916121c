// The engine on a real, tiny model: 260 thousand parameters trained on children's stories.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <future>

#include "engine/evaluator.h"
#include "kernels/kernels.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::engine {
namespace {

// "Once upon a time" in the model's own vocabulary, BOS first.
const std::vector<int32_t> kPrompt = {1, 403, 407, 261, 378};

class Collector : public TokenSink {
 public:
  explicit Collector(int stop_after = -1) : stop_after_(stop_after) {}
  bool on_token(const SampledToken& token) override {
    ids.push_back(token.chosen.id);
    if (ids.size() == 1) started.set_value();
    return static_cast<int>(ids.size()) != stop_after_;
  }
  void on_end(const SequenceEnd& end) override { ended.set_value(end); }
  SequenceEnd wait() { return ended.get_future().get(); }

  std::vector<int32_t> ids;
  std::promise<void> started;
  std::promise<SequenceEnd> ended;

 private:
  int stop_after_;
};

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    auto file = gguf::ModelFile::open(std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf");
    ASSERT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    auto model = model::Model::load(*file_);
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
  }

  std::unique_ptr<Engine> create(EngineOptions options = {}, int n_threads = 2) {
    pool_ = std::make_unique<ThreadPool>(n_threads);
    if (options.kv.context_length == 0) options.kv.context_length = 256;
    auto engine =
        Engine::create(*model_, tensor::create_cpu_backend(*kernels::available_kernels().front(), *pool_),
                       std::move(options));
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  static EngineRequest request(std::shared_ptr<TokenSink> sink, int64_t max_tokens, float temperature = 0) {
    EngineRequest work{.prompt = kPrompt, .max_tokens = max_tokens, .sink = std::move(sink)};
    work.sampling.temperature = temperature;
    work.sampling.seed = 42;
    return work;
  }

  std::vector<int32_t> generate(Engine& engine, int64_t max_tokens, float temperature = 0) {
    auto sink = std::make_shared<Collector>();
    EXPECT_TRUE(engine.submit(request(sink, max_tokens, temperature)));
    EXPECT_EQ(sink->wait().reason, EndReason::kMaxTokens);
    return sink->ids;
  }

  std::optional<gguf::ModelFile> file_;
  std::unique_ptr<model::Model> model_;
  std::unique_ptr<ThreadPool> pool_;
};

TEST_F(EngineTest, CountsWhatItDid) {
  auto engine = create();
  auto sink = std::make_shared<Collector>();
  ASSERT_TRUE(engine->submit(request(sink, 12)));
  const SequenceEnd end = sink->wait();
  EXPECT_EQ(end.reason, EndReason::kMaxTokens);
  EXPECT_EQ(end.prompt_tokens, 5);
  EXPECT_EQ(end.sampled_tokens, 12);
  EXPECT_EQ(sink->ids.size(), 12u);
  EXPECT_GT(end.decode_ms, 0);
}

TEST_F(EngineTest, NeitherThreadsNorNeighboursNorChunksChangeTheTokens) {
  std::vector<int32_t> alone;
  {
    auto engine = create({}, 1);
    alone = generate(*engine, 40, 1.0f);
  }
  for (const int n_threads : {2, 5}) {
    EngineOptions options;
    options.limits.max_batch_rows = n_threads == 2 ? 3 : 256;  // prompts in pieces of 3
    auto engine = create(options, n_threads);
    std::vector<std::shared_ptr<Collector>> sinks;
    for (int i = 0; i < 4; ++i) {
      sinks.push_back(std::make_shared<Collector>());
      ASSERT_TRUE(engine->submit(request(sinks.back(), 40, 1.0f)));
    }
    for (auto& sink : sinks) {
      sink->wait();
      EXPECT_EQ(sink->ids, alone);
    }
  }
}

TEST_F(EngineTest, PreemptedSequencesSayTheSame) {
  auto roomy = create();
  const auto expected = generate(*roomy, 200);
  roomy.reset();
  EngineOptions tight;
  tight.kv.context_length = 256;
  tight.kv.n_contexts = 1;  // three sequences of 205 tokens do not fit at once
  auto engine = create(tight);
  std::vector<std::shared_ptr<Collector>> sinks;
  for (int i = 0; i < 3; ++i) {
    sinks.push_back(std::make_shared<Collector>());
    ASSERT_TRUE(engine->submit(request(sinks.back(), 200)));
  }
  for (auto& sink : sinks) {
    EXPECT_EQ(sink->wait().reason, EndReason::kMaxTokens);
    EXPECT_EQ(sink->ids, expected);
  }
}

TEST_F(EngineTest, EndsAtStopTokensSinkAndContext) {
  auto engine = create({.kv = {.context_length = 64}});
  const auto ids = generate(*engine, 10);
  auto stopped = std::make_shared<Collector>();
  EngineRequest with_stop = request(stopped, 10);
  with_stop.stop_tokens = {ids[4]};
  ASSERT_TRUE(engine->submit(std::move(with_stop)));
  EXPECT_EQ(stopped->wait().reason, EndReason::kStopToken);
  EXPECT_LE(stopped->ids.size(), 4u);

  auto sink_stopped = std::make_shared<Collector>(3);
  ASSERT_TRUE(engine->submit(request(sink_stopped, 10)));
  EXPECT_EQ(sink_stopped->wait().reason, EndReason::kSinkStopped);
  EXPECT_EQ(sink_stopped->ids.size(), 3u);

  auto full = std::make_shared<Collector>();
  ASSERT_TRUE(engine->submit(request(full, -1)));
  const SequenceEnd end = full->wait();
  EXPECT_EQ(end.reason, EndReason::kContextFull);
  EXPECT_EQ(end.prompt_tokens + end.sampled_tokens, 64);
}

TEST_F(EngineTest, RefusesWhatCannotBeDone) {
  auto engine = create({.kv = {.context_length = 64}});
  auto sink = std::make_shared<Collector>();
  const auto refused = [&](std::vector<int32_t> prompt) {
    EngineRequest work = request(sink, 5);
    work.prompt = std::move(prompt);
    return engine->submit(std::move(work)).error();
  };
  EXPECT_EQ(refused({}).category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({1, 512}).category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(refused({-1}).category, ErrorCategory::kInvalidArgument);
  const Error too_long = refused(std::vector<int32_t>(64, 5));
  EXPECT_EQ(too_long.category, ErrorCategory::kContextExceeded);
  EXPECT_NE(too_long.message.find("64 tokens"), std::string::npos);
  EXPECT_TRUE(engine->submit(request(std::make_shared<Collector>(), 0)));  // nothing sampled: still fits
}

TEST_F(EngineTest, CancellingEndsARunningSequence) {
  auto engine = create({.kv = {.context_length = 512}});
  auto sink = std::make_shared<Collector>();
  const auto id = engine->submit(request(sink, -1));
  ASSERT_TRUE(id);
  sink->started.get_future().wait();
  engine->cancel(*id);
  const SequenceEnd end = sink->wait();
  EXPECT_EQ(end.reason, EndReason::kFailed);
  EXPECT_EQ(end.error->category, ErrorCategory::kCancelled);
}

TEST_F(EngineTest, ShuttingDownEndsEverythingAndRefusesNewWork) {
  auto engine = create({.kv = {.context_length = 512}});
  auto sink = std::make_shared<Collector>();
  ASSERT_TRUE(engine->submit(request(sink, -1)));
  engine->shut_down(std::chrono::milliseconds(0));
  const SequenceEnd end = sink->wait();
  if (end.reason == EndReason::kFailed) {
    EXPECT_EQ(end.error->category, ErrorCategory::kOverloaded);
  }
  EXPECT_EQ(engine->submit(request(std::make_shared<Collector>(), 5)).error().category,
            ErrorCategory::kOverloaded);
}

TEST_F(EngineTest, ADamagedFileEndsTheWorkWithAReason) {
  std::atomic<bool> damaged{false};
  EngineOptions options;
  options.damaged = [&] { return damaged.load(); };
  auto engine = create(options);
  generate(*engine, 5);
  damaged = true;
  auto sink = std::make_shared<Collector>();
  ASSERT_TRUE(engine->submit(request(sink, 5)));
  const SequenceEnd end = sink->wait();
  EXPECT_EQ(end.error->category, ErrorCategory::kIo);
  EXPECT_TRUE(engine->failure().has_value());
  EXPECT_FALSE(engine->submit(request(std::make_shared<Collector>(), 5)));
}

// Holds the engine's thread at its first token until it is told to go on.
class Gate : public Collector {
 public:
  bool on_token(const SampledToken& token) override {
    Collector::on_token(token);
    if (ids.size() == 1) open.get_future().wait();
    return true;
  }
  std::promise<void> open;
};

TEST_F(EngineTest, TooManyRequestsAreRefused) {
  EngineOptions options;
  options.limits.max_waiting = 3;
  options.limits.max_running = 1;
  auto engine = create(options);
  auto gate = std::make_shared<Gate>();
  ASSERT_TRUE(engine->submit(request(gate, 3)));
  gate->started.get_future().wait();
  std::vector<std::shared_ptr<Collector>> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.push_back(std::make_shared<Collector>());
    ASSERT_TRUE(engine->submit(request(waiting.back(), 3)));
  }
  const auto refused = engine->submit(request(std::make_shared<Collector>(), 3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kQueueFull);
  EngineRequest others = request(std::make_shared<Collector>(), 3);
  others.cache_scope = "somebody else";
  EXPECT_TRUE(engine->submit(others)) << "there is a place for those who have none";
  gate->open.set_value();
  for (auto& sink : waiting) EXPECT_EQ(sink->wait().reason, EndReason::kMaxTokens);
  EXPECT_TRUE(engine->submit(request(std::make_shared<Collector>(), 3)));
}

}  // namespace
}  // namespace hearth::engine
