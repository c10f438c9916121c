// What was computed before a restart is used again after it.
#include "engine/testing/test_model.h"

#include <fstream>

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

class PrefixDiskTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_NE(model_ = TestModel::open(GetParam()), nullptr);
    folder_ = fs::temp_directory_path() / fmt::format("hearth-prefix-disk-{}", getpid());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // As after a start of the program.
  std::unique_ptr<Engine> start(EngineOptions options = {}) {
    auto store = PrefixStore::open({.folder = folder_, .min_free_bytes = 0});
    EXPECT_TRUE(store) << store.error().message;
    options.prefix_store = *store;
    return model_->engine(std::move(options));
  }

  static EngineRequest request(size_t n, int64_t max_tokens = 40) {
    Random random(5);
    EngineRequest work{.prompt = {1}, .max_tokens = max_tokens};
    while (work.prompt.size() < n) work.prompt.push_back(static_cast<int32_t>(3 + random.next() % 250));
    work.sampling.temperature = 0;
    work.sampler_options = {.logprobs = true, .top_logprobs = 5};
    return work;
  }

  static void expect_same(const Answer& warm, const Answer& cold) {
    EXPECT_EQ(warm.ids, cold.ids);
    EXPECT_EQ(warm.logprobs, cold.logprobs);
  }

  size_t n_files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  std::unique_ptr<TestModel> model_;
  fs::path folder_;
};

TEST_P(PrefixDiskTest, SurvivesARestart) {
  const EngineRequest first = request(300);
  const Answer expected = answer(*start(), first);
  EXPECT_EQ(expected.end.cached_tokens, 0);
  EXPECT_GT(n_files(), 4u);
  {
    auto engine = start();
    const Answer again = answer(*engine, first);
    expect_same(again, expected);
    EXPECT_EQ(again.end.cached_tokens, 256);  // whole blocks only
    EXPECT_GE(engine->stats().disk.n_read, 4);
    EXPECT_EQ(engine->stats().disk_hits, 1);
    EXPECT_GE(engine->stats().disk_tokens, 256);
  }
  // The next turn goes on from the answer, as far as it filled blocks.
  EngineRequest second = first;
  second.prompt.insert(second.prompt.end(), expected.ids.begin(), expected.ids.end());
  second.prompt.insert(second.prompt.end(), {5, 6, 7, 8});
  const Answer got = answer(*start(), second);
  EXPECT_EQ(got.end.cached_tokens, 320);
  expect_same(got, answer(*model_->engine(), second));
}

TEST_P(PrefixDiskTest, ShortTextsAreNotWorthAFile) {
  answer(*start(), request(200));
  EXPECT_EQ(n_files(), 0u);
}

TEST_P(PrefixDiskTest, AnythingElseThatDecidesTheContentMakesAnotherName) {
  const EngineRequest work = request(300);
  answer(*start(), work);
  EngineOptions other_model;
  other_model.kv.identity.fill(std::byte{1});
  EXPECT_EQ(answer(*start(other_model), work).end.cached_tokens, 0);
  EngineOptions other_format;
  other_format.kv.dtype = kernels::DType::kF32;
  EXPECT_EQ(answer(*start(other_format), work).end.cached_tokens, 0);
  EngineRequest other_owner = work;
  other_owner.cache_scope = "somebody";
  EXPECT_EQ(answer(*start(), other_owner).end.cached_tokens, 0);
  EXPECT_EQ(answer(*start(other_model), work).end.cached_tokens, 256);
}

TEST_P(PrefixDiskTest, RequestsThatNeedTheSameBlocksReadThemOnce) {
  const EngineRequest work = request(300);
  const Answer expected = answer(*start(), work);
  auto engine = start();
  for (const Answer& got : answers(*engine, {work, work, work})) {
    expect_same(got, expected);
    EXPECT_GE(got.end.cached_tokens, 256);
  }
  EXPECT_LE(engine->stats().disk.n_read, static_cast<int64_t>(n_files()));
}

TEST_P(PrefixDiskTest, DamagedFilesAreComputedAgain) {
  const EngineRequest work = request(300);
  const Answer expected = answer(*start(), work);
  const size_t n_before = n_files();
  for (const auto& entry : fs::directory_iterator(folder_)) {
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(500);
    file << "damage";
  }
  const Answer got = answer(*start(), work);
  expect_same(got, expected);
  EXPECT_EQ(got.end.cached_tokens, 0);
  EXPECT_EQ(n_files(), n_before);  // written anew
  EXPECT_EQ(answer(*start(), work).end.cached_tokens, 256);
}

TEST_P(PrefixDiskTest, WithoutRoomInThePoolNothingIsReadAndAllIsWell) {
  EngineOptions tight;
  tight.kv.context_length = 384;
  tight.kv.n_contexts = 1;
  const EngineRequest work = request(300, 60);
  const Answer expected = answer(*start(tight), work);
  EngineRequest other = work;
  other.prompt[1] = 2;
  auto engine = start(tight);
  for (int i = 0; i < 2; ++i) {
    const auto got = answers(*engine, {other, work, other, work});
    expect_same(got[1], expected);
    expect_same(got[3], expected);
    expect_same(got[0], got[2]);
  }
}

TEST_P(PrefixDiskTest, CancelledWhileReadingLeavesNothingBehind) {
  const EngineRequest work = request(300);
  const Answer expected = answer(*start(), work);
  auto engine = start();
  for (int i = 0; i < 5; ++i) {
    auto sink = std::make_shared<Recorder>();
    EngineRequest cancelled = work;
    cancelled.sink = sink;
    const auto id = engine->submit(std::move(cancelled));
    ASSERT_TRUE(id);
    engine->cancel(*id);
    sink->ended.get_future().get();
  }
  expect_same(answer(*engine, work), expected);
}

INSTANTIATE_TEST_SUITE_P(Models, PrefixDiskTest,
                         testing::Values("stories260K", "tiny-gemma4", "tiny-gemma4-e4b"), name_of_model);

}  // namespace
}  // namespace hearth::engine
