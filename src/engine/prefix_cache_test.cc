// What was computed before is used again, and nobody can tell from the answers.
#include "engine/testing/test_model.h"

namespace hearth::engine {
namespace {

void expect_same(const Answer& warm, const Answer& cold) {
  EXPECT_EQ(warm.ids, cold.ids);
  EXPECT_EQ(warm.logprobs, cold.logprobs);
  EXPECT_EQ(warm.end.reason, cold.end.reason);
  EXPECT_EQ(cold.end.cached_tokens, 0);
}

class PrefixCacheTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_NE(model_ = TestModel::open(GetParam()), nullptr); }

  // Words in an order that depends on `seed`.
  static std::vector<int32_t> text(size_t n, uint64_t seed = 1) {
    Random random(seed);
    std::vector<int32_t> tokens = {1};
    while (tokens.size() < n) tokens.push_back(static_cast<int32_t>(3 + random.next() % 250));
    return tokens;
  }

  static EngineRequest request(std::vector<int32_t> prompt, int64_t max_tokens = 4) {
    EngineRequest work{.prompt = std::move(prompt), .max_tokens = max_tokens};
    work.sampling.temperature = 0.8f;
    work.sampling.seed = 7;
    work.sampler_options = {.logprobs = true, .top_logprobs = 5};
    return work;
  }

  // From an engine that has never seen anything.
  Answer cold(const EngineRequest& work) { return answer(*model_->engine(), work); }

  std::unique_ptr<TestModel> model_;
};

TEST_P(PrefixCacheTest, AskedAgainOnlyTheLastTokenIsRead) {
  auto engine = model_->engine();
  for (const size_t n : {1, 2, 63, 64, 65, 127, 128, 129, 200}) {
    const EngineRequest work = request(text(n, n));
    const Answer expected = cold(work);
    expect_same(answer(*engine, work), expected);
    const Answer again = answer(*engine, work);
    expect_same(again, expected);
    EXPECT_EQ(again.end.cached_tokens, static_cast<int64_t>(n) - 1);
    EXPECT_EQ(again.end.prompt_tokens, static_cast<int64_t>(n));
  }
}

TEST_P(PrefixCacheTest, TextsThatPartAnywhereShareWhatTheyHaveInCommon) {
  EngineOptions roomy;
  roomy.kv.n_contexts = 16;
  auto engine = model_->engine(roomy);
  answer(*engine, request(text(300)));
  for (const size_t n : {1, 40, 63, 64, 65, 128, 191, 192, 250, 299}) {
    std::vector<int32_t> other = text(300);
    other[n] = 2;
    const EngineRequest work = request(other);
    const Answer got = answer(*engine, work);
    expect_same(got, cold(work));
    EXPECT_EQ(got.end.cached_tokens, static_cast<int64_t>(n));
  }
}

TEST_P(PrefixCacheTest, TheNextTurnReadsOnlyWhatIsNew) {
  for (const bool speculate : {false, true}) {
    EngineOptions options;
    options.speculate = speculate;
    options.clock = [ticks = 0]() mutable { return Clock::time_point(std::chrono::milliseconds(++ticks)); };
    auto engine = model_->engine(options);
    EngineRequest work = request(text(90), 50);
    work.sampling.temperature = 0;  // repeats itself, which is drafted
    for (int turn = 0; turn < 4; ++turn) {
      const Answer got = answer(*engine, work);
      expect_same(got, cold(work));
      // All but what was said since, and the answer's last token, which no step has read.
      EXPECT_EQ(got.end.cached_tokens, turn == 0 ? 0 : static_cast<int64_t>(work.prompt.size()) - 11);
      work.prompt.insert(work.prompt.end(), got.ids.begin(), got.ids.end());
      const auto said = text(10, static_cast<uint64_t>(turn) + 100);
      work.prompt.insert(work.prompt.end(), said.begin(), said.end());
    }
  }
}

TEST_P(PrefixCacheTest, ChoicesOfOnePromptReadItOnce) {
  auto engine = model_->engine();
  for (const size_t n : {40, 200}) {
    std::vector<EngineRequest> choices;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      choices.push_back(request(text(n), 20));
      choices.back().sampling.seed = seed;
    }
    const auto got = answers(*engine, choices);
    int64_t n_read = 0;
    for (size_t i = 0; i < choices.size(); ++i) {
      expect_same(got[i], cold(choices[i]));
      n_read += got[i].end.prompt_tokens - got[i].end.cached_tokens;
    }
    EXPECT_LE(n_read, static_cast<int64_t>(n) + 3);
  }
}

TEST_P(PrefixCacheTest, OwnersDoNotShare) {
  auto engine = model_->engine();
  EngineRequest mine = request(text(200)), yours = mine;
  mine.cache_scope = "mine";
  yours.cache_scope = "yours";
  const Answer expected = cold(mine);
  for (const EngineRequest& work : {mine, yours}) {
    const Answer first = answer(*engine, work), second = answer(*engine, work);
    EXPECT_EQ(first.end.cached_tokens, 0);
    EXPECT_EQ(second.end.cached_tokens, 199);
    expect_same(first, expected);
    expect_same(second, expected);
  }
}

TEST_P(PrefixCacheTest, UnderPressureOldTextsGoAndAnswersStay) {
  EngineOptions tight;
  tight.kv.context_length = 320;
  tight.kv.n_contexts = 1;
  tight.limits.max_batch_rows = 48;
  auto engine = model_->engine(tight);
  std::vector<EngineRequest> works;
  for (uint64_t seed = 0; seed < 4; ++seed) works.push_back(request(text(150 + 20 * seed, seed / 2 + 1), 90));
  std::vector<Answer> expected;
  for (const EngineRequest& work : works) expected.push_back(cold(work));
  for (int round = 0; round < 2; ++round) {
    // One after the other, then all at once: most are preempted and come back.
    for (size_t i = 0; i < works.size(); ++i) expect_same(answer(*engine, works[i]), expected[i]);
    const auto got = answers(*engine, works);
    for (size_t i = 0; i < works.size(); ++i) expect_same(got[i], expected[i]);
  }
  EXPECT_GT(engine->stats().preemptions, 0);
  EXPECT_GT(engine->stats().kv.n_evicted, 0);
}

TEST_P(PrefixCacheTest, ProgressIsTold) {
  EngineOptions options;
  options.limits.max_batch_rows = 32;
  auto engine = model_->engine(options);
  answer(*engine, request(text(100)));
  auto sink = std::make_shared<Recorder>();
  EngineRequest work = request(text(180));
  work.sink = sink;
  ASSERT_TRUE(engine->submit(std::move(work)));
  sink->ended.get_future().get();
  ASSERT_GE(sink->progress.size(), 3u);
  int64_t n_before = 100;
  for (const ReadProgress& now : sink->progress) {
    EXPECT_EQ(now.n_total, 180);
    EXPECT_EQ(now.n_cached, 100);
    EXPECT_GT(now.n_read, n_before);
    n_before = now.n_read;
  }
  EXPECT_EQ(n_before, 180);
}

INSTANTIATE_TEST_SUITE_P(Models, PrefixCacheTest,
                         testing::Values("stories260K", "tiny-gemma4", "tiny-gemma4-e4b", "tiny-gemma4-moe"),
                         name_of_model);

}  // namespace
}  // namespace hearth::engine
