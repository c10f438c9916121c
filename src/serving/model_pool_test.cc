// Text in, text out on a real, tiny model, through the service that dialects see.
#include "serving/model_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "serving/text_model.h"

namespace hearth::serving {
namespace {

const std::filesystem::path kStories = std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf";

// Published beside the model: what greedy decoding of "Once upon a time" says.
constexpr std::string_view kExpected =
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, "
    "red "
    "ball. She wanted to play with it, but it was too high.";

struct Answer {
  std::string text;
  std::optional<GenerationEnd> end;
  std::optional<Error> error;
};

Answer read(TokenStream stream) {
  Answer answer;
  while (true) {
    GenerationEvent event = stream.next();
    if (auto* delta = std::get_if<TextDelta>(&event)) {
      answer.text += delta->text;
    } else if (auto* end = std::get_if<GenerationEnd>(&event)) {
      answer.end = std::move(*end);
      return answer;
    } else if (auto* error = std::get_if<Error>(&event)) {
      answer.error = std::move(*error);
      return answer;
    }
  }
}

GenerationRequest request(std::string text, int64_t max_tokens) {
  GenerationRequest work;
  work.model = "stories260K";
  work.prompt = TextPrompt{.text = std::move(text)};
  work.sampling.temperature = 0.0f;
  work.max_tokens = max_tokens;
  return work;
}

std::unique_ptr<ModelPool> pool_with(const std::filesystem::path& path, ModelPoolOptions options = {}) {
  auto pool = ModelPool::create(std::move(options));
  EXPECT_TRUE(pool) << pool.error().message;
  const auto loaded = (*pool)->load(path, "stories260K");
  EXPECT_TRUE(loaded) << loaded.error().message;
  return std::move(*pool);
}

TEST(ModelPool, TellsTheStoryOnEveryInstructionSetAndCache) {
  for (const char* kernels : {"", "reference"}) {
    for (const auto dtype : {kernels::DType::kF32, kernels::DType::kF16}) {
      const auto pool = pool_with(kStories, {.kv_dtype = dtype, .kernels = kernels});
      auto stream = pool->generate(request("Once upon a time", 100));
      ASSERT_TRUE(stream) << stream.error().message;
      const Answer answer = read(std::move(*stream));
      ASSERT_TRUE(answer.end);
      EXPECT_TRUE(answer.text.starts_with(kExpected)) << answer.text;
      EXPECT_EQ(answer.end->usage.prompt_tokens, 5);
    }
  }
}

TEST(ModelPool, StopsAtAStopString) {
  const auto pool = pool_with(kStories);
  GenerationRequest work = request("Once upon a time", 100);
  work.stop = {"outside in"};
  const Answer answer = read(*pool->generate(std::move(work)));
  ASSERT_TRUE(answer.end);
  EXPECT_EQ(answer.text, ", there was a little girl named Lily. She loved to play ");
  EXPECT_EQ(answer.end->stop_string, "outside in");
  EXPECT_EQ(answer.end->reason, FinishReason::kStop);
}

TEST(ModelPool, RefusesWithAReason) {
  const auto pool = pool_with(kStories);
  GenerationRequest unknown = request("x", 1);
  unknown.model = "nobody";
  EXPECT_EQ(pool->generate(std::move(unknown)).error().category, ErrorCategory::kNotFound);
  std::string long_text;
  for (int i = 0; i < 600; ++i) long_text += " word";
  EXPECT_EQ(pool->generate(request(long_text, 1)).error().category, ErrorCategory::kContextExceeded);
  GenerationRequest hot = request("x", 1);
  hot.sampling.temperature = -1.0f;
  EXPECT_EQ(pool->generate(std::move(hot)).error().category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(pool->load(kStories, "stories260K").error().category, ErrorCategory::kInvalidArgument);
  EXPECT_EQ(pool->load("/nowhere.gguf").error().category, ErrorCategory::kNotFound);
}

TEST(ModelPool, RefusesBadOptions) {
  EXPECT_FALSE(ModelPool::create({.n_threads = -1}));
  EXPECT_FALSE(ModelPool::create({.kv_dtype = kernels::DType::kQ4_0}));
  EXPECT_FALSE(ModelPool::create({.kernels = "abacus"}));
  auto pool = ModelPool::create({.context_length = 100000});
  ASSERT_TRUE(pool);
  EXPECT_EQ((*pool)->load(kStories).error().category, ErrorCategory::kInvalidArgument);  // made for 512
}

TEST(ModelPool, SaysHowMuchOfThePromptItKnew) {
  const auto pool = pool_with(kStories);
  const auto ask = [&](const std::string& scope) {
    GenerationRequest work = request("Once upon a time, there was a little girl named Lily.", 5);
    work.cache_scope = scope;
    return read(*pool->generate(std::move(work)));
  };
  const Answer first = ask("me"), second = ask("me"), other = ask("you");
  ASSERT_TRUE(first.end && second.end && other.end);
  EXPECT_EQ(first.end->usage.cached_tokens, 0);
  EXPECT_EQ(second.end->usage.cached_tokens, second.end->usage.prompt_tokens - 1);
  EXPECT_EQ(other.end->usage.cached_tokens, 0);
  EXPECT_EQ(first.text, second.text);
}

TEST(ModelPool, TellsHowFarThePromptIsRead) {
  const auto pool = pool_with(kStories);
  auto stream = pool->generate(request("Once upon a time", 1));
  ASSERT_TRUE(stream);
  const GenerationEvent event = stream->next();
  const auto* progress = std::get_if<PromptProgress>(&event);
  ASSERT_NE(progress, nullptr);
  EXPECT_EQ(progress->processed, progress->total);
  EXPECT_EQ(progress->cached, 0);
}

TEST(ModelPool, DroppingTheStreamFreesTheEngine) {
  const auto pool = pool_with(kStories);
  for (int i = 0; i < 20; ++i) {
    auto stream = pool->generate(request("Once upon a time", -1));
    ASSERT_TRUE(stream);
    stream->next();
  }
  const Answer answer = read(*pool->generate(request("Once upon a time", 5)));
  ASSERT_TRUE(answer.end);
}

TEST(ModelPool, AFileCutShortWhileInUseIsOneErrorAndTheProcessLives) {
  const std::filesystem::path copy =
      std::filesystem::path(testing::TempDir()) / ("stories-cut." + std::to_string(getpid()) + ".gguf");
  std::filesystem::copy_file(kStories, copy, std::filesystem::copy_options::overwrite_existing);
  {
    const auto pool = pool_with(copy);
    ASSERT_TRUE(read(*pool->generate(request("Once upon a time", 5))).end);
    std::filesystem::resize_file(copy, 4096);
    const Answer answer = read(*pool->generate(request("Once upon a time", 5)));
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->category, ErrorCategory::kIo);
    std::string why;
    EXPECT_FALSE(pool->healthy(&why));
    EXPECT_NE(why.find("stories260K"), std::string::npos);
  }
  std::filesystem::remove(copy);
}

TEST(ModelPool, LeavesMemoryAndComesBackForTheNextRequest) {
  const auto pool = pool_with(kStories);
  ASSERT_EQ(pool->loaded_models().size(), 1u);
  EXPECT_FALSE(pool->loaded_models()[0].expires_unix_seconds);
  EXPECT_TRUE(pool->list_models()[0].loaded);

  GenerationRequest last = request("Once upon a time", 20);
  last.keep_alive = KeepAlive(0);
  const Answer before = read(*pool->generate(std::move(last)));
  ASSERT_TRUE(before.end);
  EXPECT_EQ(before.end->timings.load_ms, 0);

  while (!pool->loaded_models().empty()) std::this_thread::yield();  // it leaves right after the answer
  // Words and descriptions need no weights.
  ASSERT_TRUE(pool->text_model("stories260K"));
  ASSERT_TRUE(pool->describe("STORIES260K:latest"));
  const Answer after = read(*pool->generate(request("Once upon a time", 20)));
  ASSERT_TRUE(after.end) << after.error->message;
  EXPECT_EQ(after.text, before.text);
  EXPECT_GT(after.end->timings.load_ms, 0);
  ASSERT_EQ(pool->loaded_models().size(), 1u);
  EXPECT_TRUE(pool->loaded_models()[0].expires_unix_seconds);  // brought in by a request: for five minutes
}

TEST(ModelPool, PreloadsAndUnloads) {
  const auto pool = pool_with(kStories);
  ASSERT_TRUE(pool->unload("stories260K"));
  ASSERT_TRUE(read(*pool->preload("stories260K", kKeepForever)).end);
  EXPECT_FALSE(pool->loaded_models().at(0).expires_unix_seconds);
  ASSERT_TRUE(read(*pool->preload("stories260K", std::chrono::hours(1))).end);
  EXPECT_TRUE(pool->loaded_models().at(0).expires_unix_seconds);
  EXPECT_EQ(pool->unload("nobody").error().category, ErrorCategory::kNotFound);
  EXPECT_EQ(pool->preload("nobody", {}).error().category, ErrorCategory::kNotFound);
}

// What the tiny model takes, without room for prefixes.
uint64_t bytes_of_stories() {
  const MemoryPlan memory = pool_with(kStories)->loaded_models().at(0).memory;
  EXPECT_EQ(memory.weight_bytes, std::filesystem::file_size(kStories));
  EXPECT_GT(memory.kv_full_bytes, 0u);
  EXPECT_GT(memory.logit_bytes, 0u);
  EXPECT_GT(memory.word_bytes, 0u);
  // However much memory is left: a small model cannot fill it.
  EXPECT_GT(memory.prefix_bytes, 0u);
  EXPECT_LE(memory.prefix_bytes, 32 * (memory.kv_full_bytes + memory.kv_sliding_bytes));
  return memory.total_bytes() - memory.prefix_bytes;
}

TEST(ModelPool, ModelsThatDoNotFitTogetherTakeTurns) {
  const uint64_t bytes = bytes_of_stories();
  const auto pool = pool_with(kStories, {.memory_bytes = bytes + bytes / 2});
  ASSERT_TRUE(pool->load(kStories, "other"));
  for (int i = 0; i < 6; ++i) {
    GenerationRequest work = request("Once upon a time", 2);
    work.model = i % 2 == 0 ? "stories260K" : "other";
    const Answer answer = read(*pool->generate(std::move(work)));
    ASSERT_TRUE(answer.end) << answer.error->message;
    EXPECT_EQ(pool->loaded_models().size(), 1u);
    EXPECT_LE(pool->memory().planned_bytes, pool->memory().budget_bytes);
  }
}

TEST(ModelPool, AModelThatCannotFitSaysWhatWould) {
  const uint64_t bytes = bytes_of_stories();
  const auto pool = ModelPool::create({.memory_bytes = bytes - 1000});
  ASSERT_TRUE(pool);
  const auto packed = (*pool)->load(kStories);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().category, ErrorCategory::kOverloaded);
  EXPECT_NE(packed.error().message.find("it fits with"), std::string::npos) << packed.error().message;
  EXPECT_TRUE((*pool)->list_models().empty());
  const auto tiny = ModelPool::create({.memory_bytes = 1000});
  const auto refused = (*tiny)->load(kStories);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("it fits with"), std::string::npos) << refused.error().message;
  EXPECT_EQ((*tiny)->memory().planned_bytes, 0u);
}

TEST(ModelPool, ARequestMayUseLessContextAndGetsNoMoreThanThereIs) {
  const auto pool = pool_with(kStories);
  GenerationRequest small = request("Once upon a time", -1);
  small.context_length = 15;
  const Answer answer = read(*pool->generate(std::move(small)));
  ASSERT_TRUE(answer.end);
  EXPECT_EQ(answer.end->usage.prompt_tokens + answer.end->usage.completion_tokens, 15);
  EXPECT_EQ(answer.end->reason, FinishReason::kLength);

  GenerationRequest tight = request("Once upon a time", -1);
  tight.context_length = 5;
  const auto refused = pool->generate(std::move(tight));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kContextExceeded);
  GenerationRequest large = request("Once upon a time", 3);
  large.context_length = 100'000;
  EXPECT_TRUE(read(*pool->generate(std::move(large))).end);
}

TEST(ModelPool, ALongChatIsCutWhereTheRequestAllowsIt) {
  const auto pool = pool_with(kStories);
  GenerationRequest chat = request("", 5);
  ChatPrompt prompt;
  for (int i = 0; i < 40; ++i) {
    ChatMessage& message = prompt.messages.emplace_back();
    message.role = i % 2 == 0 ? "user" : "assistant";
    message.content = "Once upon a time there was a little girl";
  }
  prompt.messages.pop_back();
  chat.prompt = prompt;
  EXPECT_EQ(pool->generate(chat).error().category, ErrorCategory::kContextExceeded);
  chat.truncate = true;
  const Answer answer = read(*pool->generate(chat));
  ASSERT_TRUE(answer.end);
  EXPECT_GT(answer.end->n_dropped_messages, 0);
  EXPECT_EQ(answer.end->n_dropped_messages % 2, 0);
}

TEST(ModelPool, ShuttingDownEndsStreamsAndRefusesNewOnes) {
  const auto pool = pool_with(kStories);
  auto stream = pool->generate(request("Once upon a time", -1));
  ASSERT_TRUE(stream);
  pool->shut_down(0);
  const Answer answer = read(std::move(*stream));
  EXPECT_TRUE(answer.end || answer.error->category == ErrorCategory::kOverloaded);
  EXPECT_EQ(pool->generate(request("x", 1)).error().category, ErrorCategory::kOverloaded);
}

// A pool over a store with the model "story" in it.
class StoredPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "hearth-pool-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    store_ = std::make_shared<store::ModelStore>(folder_ / "models");
    ASSERT_TRUE(store_->begin_writing());
    publish("story", R"({"temperature": 0, "num_predict": 7, "stop": ["Lily"], "num_ctx": 100})");
    pool_ = std::move(*ModelPool::create({.store = store_}));
  }
  void TearDown() override {
    pool_.reset();
    std::filesystem::remove_all(folder_);
  }

  void publish(std::string_view name, std::string_view parameters, std::string_view system = "Be kind.") {
    std::ifstream stream(kStories, std::ios::binary);
    const std::string weights((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    const auto& blobs = store_->blobs();
    store::Manifest manifest;
    manifest.config = blobs.add(store::media_type::kConfig, "{}").value();
    manifest.layers = {blobs.add(store::media_type::kModel, weights).value(),
                       blobs.add(store::media_type::kParameters, parameters).value(),
                       blobs.add(store::media_type::kSystem, system).value(),
                       blobs.add(store::media_type::kTemplate, kTemplate).value()};
    ASSERT_TRUE(store_->publish(store::ModelName::parse(name).value(), manifest));
  }
  Answer tell(const std::string& name, std::optional<int64_t> max_tokens = {}) {
    GenerationRequest work = request("Once upon a time", 0);
    work.model = name;
    work.sampling = {};
    work.max_tokens = max_tokens;
    auto stream = pool_->generate(std::move(work));
    if (!stream) return Answer{{}, {}, stream.error()};
    return read(std::move(*stream));
  }

  static constexpr std::string_view kTemplate =
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}";
  std::filesystem::path folder_;
  std::shared_ptr<store::ModelStore> store_;
  std::unique_ptr<ModelPool> pool_;
};

TEST_F(StoredPoolTest, FindsAndLoadsAModelThatIsAskedFor) {
  EXPECT_TRUE(pool_->loaded_models().empty());
  ASSERT_EQ(pool_->list_models().size(), 1u);
  const ModelSummary listed = pool_->list_models()[0];
  EXPECT_EQ(listed.name, "story:latest");
  EXPECT_EQ(listed.digest.size(), 64u);
  EXPECT_EQ(listed.context_length, 100);
  EXPECT_FALSE(listed.loaded);
  EXPECT_EQ(pool_->resolve("STORY"), "STORY");

  const Answer answer = tell("STORY");
  ASSERT_TRUE(answer.end) << answer.error->message;
  EXPECT_EQ(answer.text, std::string(kExpected).substr(0, answer.text.size()));
  EXPECT_EQ(answer.end->usage.completion_tokens, 7);
  EXPECT_EQ(answer.end->reason, FinishReason::kLength);
  EXPECT_TRUE(pool_->list_models()[0].loaded);
  EXPECT_EQ(tell("nobody").error->category, ErrorCategory::kNotFound);
  EXPECT_EQ(tell("../../etc/passwd").error->category, ErrorCategory::kNotFound);
}

TEST_F(StoredPoolTest, WhatTheStoreSaysCountsUnlessTheRequestSaysMore) {
  const Answer stopped = tell("story", 60);
  ASSERT_TRUE(stopped.end) << stopped.error->message;
  EXPECT_EQ(stopped.end->stop_string, "Lily");
  const auto text = pool_->text_model("story");
  ASSERT_TRUE(text) << text.error().message;
  ChatPrompt chat;
  chat.messages.resize(1);
  chat.messages[0].role = "user";
  chat.messages[0].content = "hi";
  EXPECT_EQ((*text)->render(chat, 0)->text, "[system] Be kind.[user] hi");
  chat.messages.insert(chat.messages.begin(), ChatMessage{});
  chat.messages[0].role = "system";
  chat.messages[0].content = "Be terse.";
  EXPECT_EQ((*text)->render(chat, 0)->text, "[system] Be terse.[user] hi");
  const auto details = pool_->describe("story");
  ASSERT_TRUE(details);
  EXPECT_EQ(details->chat_template, kTemplate);
  EXPECT_EQ(details->defaults.system, "Be kind.");
  EXPECT_EQ(details->defaults.parameters.size(), 4u);
}

TEST_F(StoredPoolTest, AReplacedModelIsLoadedAnew) {
  ASSERT_TRUE(tell("story").end);
  const std::string before = pool_->find("story")->digest;
  publish("story", R"({"temperature": 0, "num_predict": 3, "later": 1, "top_p": 9})");
  const Answer answer = tell("story");
  ASSERT_TRUE(answer.end) << answer.error->message;
  EXPECT_EQ(answer.end->usage.completion_tokens, 3);
  EXPECT_NE(pool_->find("story")->digest, before);
  EXPECT_EQ(pool_->describe("story")->defaults.warnings.size(), 2u);  // "later" and "top_p"
}

TEST_F(StoredPoolTest, ARemovedModelAnswersUntilItLeavesMemory) {
  ASSERT_TRUE(tell("story").end);
  ASSERT_TRUE(store_->remove("story"));
  EXPECT_TRUE(pool_->list_models().empty());
  EXPECT_TRUE(tell("story").end);
  ASSERT_TRUE(pool_->unload("story"));
  while (!pool_->loaded_models().empty()) std::this_thread::yield();
  EXPECT_EQ(tell("story").error->category, ErrorCategory::kNotFound);
}

TEST_F(StoredPoolTest, ABrokenModelIsNotListedAndSaysWhy) {
  std::filesystem::copy_file(kStories, folder_ / "a.gguf");
  ASSERT_TRUE(store_->import_file(store::ModelName::parse("imported").value(), folder_ / "a.gguf"));
  ASSERT_TRUE(tell("imported", 3).end);
  std::filesystem::remove(folder_ / "a.gguf");
  EXPECT_EQ(pool_->list_models().size(), 1u);
  ASSERT_TRUE(pool_->find("story"));
  const Answer answer = tell("imported", 3);
  ASSERT_TRUE(answer.error);
  EXPECT_NE(answer.error->message.find("a.gguf"), std::string::npos) << answer.error->message;
}

}  // namespace
}  // namespace hearth::serving
