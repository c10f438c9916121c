// With drafts the engine says exactly what it says without them.
#include "engine/testing/test_model.h"

namespace hearth::engine {
namespace {

void expect_same(const Answer& with, const Answer& without) {
  EXPECT_EQ(with.ids, without.ids);
  EXPECT_EQ(with.logprobs, without.logprobs);
  EXPECT_EQ(with.end.reason, without.end.reason);
  EXPECT_EQ(with.end.sampled_tokens, without.end.sampled_tokens);
  EXPECT_EQ(without.end.drafted_tokens, 0);
  EXPECT_LE(with.end.accepted_tokens, with.end.drafted_tokens);
}

// The trained model, and one with random weights of every kind that a draft could disturb: windows, shared
// keys, per-layer inputs, experts.
class SpeculationTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_NE(model_ = TestModel::open(GetParam()), nullptr); }

  // Every step takes as long as any other, so that as much is drafted as is allowed.
  std::unique_ptr<Engine> create(bool speculate, EngineOptions options = {}) {
    options.speculate = speculate;
    options.clock = [ticks = 0]() mutable { return Clock::time_point(std::chrono::milliseconds(++ticks)); };
    return model_->engine(std::move(options));
  }

  // A prompt that says the same thing `n` times, for an answer in the same few words: it often repeats
  // itself.
  static EngineRequest request(int n, int64_t max_tokens) {
    const std::vector<int32_t> words = {403, 407, 261, 378, 432, 317, 286};
    EngineRequest work{.prompt = {1}, .max_tokens = max_tokens};
    for (int i = 0; i < n; ++i) work.prompt.insert(work.prompt.end(), words.begin(), words.end());
    for (const int32_t word : words) work.sampling.logit_bias.emplace_back(word, 100.0f);
    work.sampling.temperature = 0;
    work.sampling.seed = 42;
    return work;
  }

  std::unique_ptr<TestModel> model_;
};

TEST_P(SpeculationTest, SaysTheSameGreedilyAndDrawn) {
  auto with = create(true), without = create(false);
  EngineRequest greedy = request(3, 150);
  EngineRequest drawn = request(3, 150);
  drawn.sampling.temperature = 1;
  EngineRequest chosen = request(3, 150);  // drawn, but likely to repeat itself
  chosen.sampling.temperature = 0.3f;
  chosen.sampling.top_k = 3;
  EngineRequest penalised = request(3, 150);
  penalised.sampling.temperature = 0.7f;
  penalised.sampling.repetition_penalty = 1.1f;
  penalised.sampling.presence_penalty = 0.2f;
  penalised.sampling.penalty_window = 16;
  penalised.sampler_options = {.logprobs = true, .top_logprobs = 3};
  EngineRequest free = request(1, 100);
  free.sampling.logit_bias.clear();
  int64_t n_drafted = 0, n_accepted = 0;
  for (const EngineRequest& work : {greedy, drawn, chosen, penalised, free}) {
    const Answer expected = answer(*without, work), got = answer(*with, work);
    expect_same(got, expected);
    n_drafted += got.end.drafted_tokens;
    n_accepted += got.end.accepted_tokens;
  }
  EXPECT_GT(n_accepted, 100);
  EXPECT_GT(n_drafted, n_accepted);  // wrong ones too
}

TEST_P(SpeculationTest, GivenTokensHaveTheLogprobsOfSampledOnes) {
  auto with = create(true), without = create(false);
  EngineRequest work = request(1, 60);
  work.sampling.logit_bias.clear();
  work.sampler_options = {.logprobs = true, .top_logprobs = 2};
  const Answer sampled = answer(*without, work);
  ASSERT_EQ(sampled.ids.size(), 60u);

  EngineRequest scored = work;
  scored.given.assign(work.prompt.begin() + 1, work.prompt.end());
  scored.given.insert(scored.given.end(), sampled.ids.begin(), sampled.ids.begin() + 50);
  scored.prompt.resize(1);
  for (Engine* engine : {with.get(), without.get()}) {
    for (const int64_t n_more : {0, 1, 10}) {
      scored.max_tokens = n_more;
      auto sink = std::make_shared<Recorder>();
      scored.sink = sink;
      ASSERT_TRUE(engine->submit(scored));
      const SequenceEnd end = sink->ended.get_future().get();
      EXPECT_EQ(end.reason, EndReason::kMaxTokens);
      EXPECT_EQ(end.prompt_tokens, static_cast<int64_t>(1 + scored.given.size()));
      EXPECT_EQ(end.sampled_tokens, n_more);
      EXPECT_EQ(sink->given, scored.given);
      const size_t n_before = 3 * (work.prompt.size() - 1);  // of the words that the first run had to read
      ASSERT_EQ(sink->given_logprobs.size(), n_before + 150);
      EXPECT_TRUE(std::equal(sampled.logprobs.begin(), sampled.logprobs.begin() + 150,
                             sink->given_logprobs.begin() + static_cast<ptrdiff_t>(n_before)));
      EXPECT_TRUE(std::equal(sink->ids.begin(), sink->ids.end(), sampled.ids.begin() + 50));
    }
  }
}

TEST_P(SpeculationTest, EndsWhereItWouldHaveEnded) {
  EngineOptions options;
  options.kv.context_length = 96;
  auto with = create(true, options), without = create(false, options);
  const Answer whole = answer(*without, request(2, -1));
  EXPECT_EQ(whole.end.reason, EndReason::kContextFull);
  int64_t n_accepted = 0;
  const auto compare = [&](const EngineRequest& work, int64_t stop_after = -1) {
    const Answer expected = answer(*without, work, stop_after), got = answer(*with, work, stop_after);
    expect_same(got, expected);
    n_accepted += got.end.accepted_tokens;
  };
  for (int64_t n = 0; n < kMaxDecodeRows; ++n) {
    compare(request(2, 30 + n));      // max_tokens
    compare(request(2, -1), 30 + n);  // the sink has enough
    EngineRequest longer = request(2, -1);
    longer.prompt.insert(longer.prompt.end(), static_cast<size_t>(n), 261);
    compare(longer);  // the context is full
    EngineRequest stopped = request(2, -1);
    stopped.stop_tokens = {whole.ids[static_cast<size_t>(5 * n)], 7};
    compare(stopped);
  }
  EXPECT_GT(n_accepted, 100);
}

TEST_P(SpeculationTest, SeveralSequencesAndTooFewBlocksMakeNoDifference) {
  EngineOptions tight;
  tight.kv.context_length = 320;
  tight.kv.n_contexts = 1;  // sequences of some 250 tokens: one fits, and part of a second
  tight.limits.max_batch_rows = 32;
  auto with = create(true, tight), without = create(false);
  std::vector<EngineRequest> requests;
  for (int i = 0; i < 4; ++i) {
    requests.push_back(request(1 + i, 220));
    requests.back().sampling.temperature = i % 2 == 0 ? 0.0f : 0.5f;
  }
  const auto got = answers(*with, requests);
  int64_t n_accepted = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    expect_same(got[i], answer(*without, requests[i]));
    n_accepted += got[i].end.accepted_tokens;
  }
  EXPECT_GT(n_accepted, 100);
}

TEST_P(SpeculationTest, CancellingAmidDraftsLeavesTheOthersAndAllBlocks) {
  EngineOptions tight;
  tight.kv.context_length = 256;
  tight.kv.n_contexts = 1;
  auto with = create(true, tight), without = create(false, tight);
  const Answer expected = answer(*without, request(3, 100)), full = answer(*without, request(3, -1));
  auto cancelled = std::make_shared<Recorder>(), other = std::make_shared<Recorder>();
  EngineRequest first = request(3, -1), second = request(3, 100);
  first.sink = cancelled;
  second.sink = other;
  const auto id = with->submit(std::move(first));
  ASSERT_TRUE(id && with->submit(std::move(second)));
  cancelled->has_20.get_future().wait();
  with->cancel(*id);
  cancelled->ended.get_future().wait();
  other->ended.get_future().wait();
  EXPECT_EQ(other->ids, expected.ids);
  EXPECT_EQ(cancelled->ids,
            std::vector<int32_t>(full.ids.begin(),
                                 full.ids.begin() + static_cast<ptrdiff_t>(cancelled->ids.size())));
  expect_same(answer(*with, request(3, -1)), full);  // takes every block there is
}

// Only every third token, another third for each place in the answer; some drafts are never allowed.
class Thirds : public TokenConstraint {
 public:
  explicit Thirds(size_t n_tokens, int64_t fails_after = -1)
      : mask_((n_tokens + 63) / 64), fails_after_(fails_after) {}
  Result<std::optional<std::span<const uint64_t>>> allowed() override {
    if (n_accepted_ == fails_after_) return fail(ErrorCategory::kInvalidArgument, "nothing is allowed");
    if (n_accepted_ % 4 == 3) return std::nullopt;
    for (size_t i = 0; i < 64 * mask_.size(); ++i) {
      const uint64_t bit = uint64_t{1} << (i % 64);
      mask_[i / 64] =
          static_cast<int64_t>(i % 3) == n_accepted_ % 3 ? mask_[i / 64] | bit : mask_[i / 64] & ~bit;
    }
    return mask_;
  }
  Status accept(int32_t) override {
    ++n_accepted_;
    return {};
  }

 private:
  std::vector<uint64_t> mask_;
  int64_t n_accepted_ = 0;
  int64_t fails_after_;
};

TEST_P(SpeculationTest, AConstraintHoldsForDraftedRows) {
  const auto constrained = [&](int64_t fails_after) {
    EngineRequest work = request(6, 40);
    work.sampling.logit_bias.clear();
    const auto n_tokens = static_cast<size_t>(model_->model().config().vocab_size);
    work.sampler_options.constraint = std::make_shared<Thirds>(n_tokens, fails_after);
    return work;
  };
  const auto with = create(true), without = create(false);
  const Answer a = answers(*with, {constrained(-1)})[0], b = answers(*without, {constrained(-1)})[0];
  expect_same(a, b);
  for (size_t i = 0; i < a.ids.size(); ++i) {
    if (i % 4 == 3) continue;
    EXPECT_EQ(a.ids[i] % 3, static_cast<int32_t>(i % 3));
  }
  const Answer failed = answers(*with, {constrained(5)})[0];
  EXPECT_EQ(failed.ids.size(), 5u);
  EXPECT_EQ(failed.end.reason, EndReason::kFailed);
  EXPECT_EQ(failed.end.error->message, "nothing is allowed");
}

INSTANTIATE_TEST_SUITE_P(Models, SpeculationTest,
                         testing::Values("stories260K", "tiny-gemma4", "tiny-gemma4-e4b", "tiny-gemma4-moe"),
                         name_of_model);

}  // namespace
}  // namespace hearth::engine
