// Small models for tests of the engine, and a sink that records what comes out.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "engine/engine.h"
#include "engine/random.h"
#include "kernels/kernels.h"
#include "synth/synthetic_model.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::engine {

class Recorder : public TokenSink {
 public:
  explicit Recorder(int64_t stop_after = -1) : stop_after_(stop_after) {}
  bool on_token(const SampledToken& token) override {
    ids.push_back(token.chosen.id);
    logprobs.push_back(token.chosen.logprob);
    for (const TokenLogit& other : token.top) logprobs.push_back(other.logprob);
    if (ids.size() == 20) has_20.set_value();
    return static_cast<int64_t>(ids.size()) != stop_after_;
  }
  void on_given(const SampledToken& token) override {
    given.push_back(token.chosen.id);
    given_logprobs.push_back(token.chosen.logprob);
    for (const TokenLogit& other : token.top) given_logprobs.push_back(other.logprob);
  }
  void on_progress(const ReadProgress& now) override { progress.push_back(now); }
  void on_end(const SequenceEnd& end) override { ended.set_value(end); }

  std::vector<int32_t> ids;
  std::vector<float> logprobs;
  std::vector<int32_t> given;
  std::vector<float> given_logprobs;
  std::vector<ReadProgress> progress;
  std::promise<void> has_20;
  std::promise<SequenceEnd> ended;

 private:
  int64_t stop_after_;
};

struct Answer {
  std::vector<int32_t> ids;
  std::vector<float> logprobs;
  SequenceEnd end;
};

// The trained model ("stories260K"), or one with random weights by the name of its shape.
class TestModel {
 public:
  static std::unique_ptr<TestModel> open(const std::string& name) {
    std::filesystem::path path = std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf";
    const bool synthetic = name != "stories260K";
    if (synthetic) {
      path = std::filesystem::temp_directory_path() / fmt::format("hearth-{}-{}.gguf", name, getpid());
      EXPECT_TRUE(synth::write_synthetic_model({.spec = name, .output = path, .quant = "q8_0"}));
    }
    auto file = gguf::ModelFile::open(path);
    if (synthetic) std::filesystem::remove(path);  // stays mapped
    if (!file) {
      ADD_FAILURE() << file.error().message;
      return nullptr;
    }
    auto opened = std::unique_ptr<TestModel>(new TestModel(std::move(*file)));
    auto model = model::Model::load(opened->file_);
    if (!model) {
      ADD_FAILURE() << model.error().message;
      return nullptr;
    }
    opened->model_ = std::move(*model);
    return opened;
  }

  std::unique_ptr<Engine> engine(EngineOptions options = {}) {
    if (options.kv.context_length == 0) options.kv.context_length = 512;
    auto engine =
        Engine::create(*model_, tensor::create_cpu_backend(*kernels::available_kernels().front(), threads_),
                       std::move(options));
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  const model::Model& model() const { return *model_; }

 private:
  explicit TestModel(gguf::ModelFile file) : file_(std::move(file)) {}

  ThreadPool threads_{2};
  gguf::ModelFile file_;
  std::unique_ptr<model::Model> model_;
};

// Runs requests at once and waits for all of them.
inline std::vector<Answer> answers(Engine& engine, const std::vector<EngineRequest>& requests,
                                   int64_t stop_after = -1) {
  std::vector<std::shared_ptr<Recorder>> sinks;
  for (EngineRequest work : requests) {
    work.sink = sinks.emplace_back(std::make_shared<Recorder>(stop_after));
    EXPECT_TRUE(engine.submit(std::move(work)));
  }
  std::vector<Answer> all;
  for (auto& sink : sinks) {
    const SequenceEnd end = sink->ended.get_future().get();
    all.push_back({sink->ids, sink->logprobs, end});
  }
  return all;
}

inline Answer answer(Engine& engine, const EngineRequest& work, int64_t stop_after = -1) {
  return answers(engine, {work}, stop_after)[0];
}

// Names of models as GoogleTest wants them.
inline std::string name_of_model(const testing::TestParamInfo<const char*>& param) {
  std::string name = param.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace hearth::engine
