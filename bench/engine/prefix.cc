// What the prefix cache and the scheduler are for, measured through the engine on a model file:
//
//   bench_prefix MODEL.gguf [PROMPT_TOKENS [LONG_PROMPT_TOKENS]]
//
// - time to the first token of a long prompt, of the same prefix again, after a restart and after another
// model
// - gaps between the tokens of one stream alone and while another one reads a long prompt
// - how long a cancelled sequence takes to end
// - speed of reading a prompt by the rows of a step
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>

#include "engine/engine.h"
#include "engine/random.h"
#include "kernels/kernels.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::engine {
namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename T>
T check(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

// Notes when tokens come.
class Watch : public TokenSink {
 public:
  bool on_token(const SampledToken&) override {
    times.push_back(Clock::now());
    if (times.size() == 4) has_some.set_value();
    return true;
  }
  void on_progress(const ReadProgress& now) override {
    if (now.n_read > now.n_cached && !reading_told_) reading.set_value();
    reading_told_ = reading_told_ || now.n_read > now.n_cached;
  }
  void on_end(const SequenceEnd& end) override { ended.set_value(end); }
  SequenceEnd wait() { return ended.get_future().get(); }

  std::vector<double> gaps_ms() const {
    std::vector<double> gaps;
    for (size_t i = 1; i < times.size(); ++i) {
      gaps.push_back(std::chrono::duration<double, std::milli>(times[i] - times[i - 1]).count());
    }
    std::sort(gaps.begin(), gaps.end());
    return gaps;
  }

  std::vector<Clock::time_point> times;
  std::promise<void> has_some, reading;
  std::promise<SequenceEnd> ended;

 private:
  bool reading_told_ = false;
};

double percentile(const std::vector<double>& sorted, double share) {
  return sorted.empty() ? 0 : sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

struct Bench {
  const model::Model& model;
  ThreadPool& threads;
  std::filesystem::path folder;
  int64_t context;

  std::unique_ptr<Engine> start(bool with_disk, uint8_t identity = 0, int64_t max_rows = 256) const {
    EngineOptions options;
    options.kv.context_length = context;
    options.kv.n_contexts = 2;
    options.kv.identity.fill(std::byte{identity});
    options.limits.max_batch_rows = max_rows;
    options.speculate = false;
    if (with_disk) options.prefix_store = check(PrefixStore::open({.folder = folder}));
    return check(Engine::create(model,
                                tensor::create_cpu_backend(*kernels::available_kernels().front(), threads),
                                std::move(options)));
  }

  // `n` tokens; those behind `n_shared` depend on the seed.
  std::vector<int32_t> text(int64_t n, int64_t n_shared, uint64_t seed) const {
    Random shared(1), own(seed);
    std::vector<int32_t> tokens;
    const auto vocab = static_cast<uint64_t>(model.config().vocab_size);
    while (static_cast<int64_t>(tokens.size()) < n) {
      Random& random = static_cast<int64_t>(tokens.size()) < n_shared ? shared : own;
      tokens.push_back(static_cast<int32_t>(random.next() % vocab));
    }
    return tokens;
  }

  std::shared_ptr<Watch> submit(Engine& engine, std::vector<int32_t> prompt, int64_t max_tokens,
                                SequenceId* id = nullptr) const {
    auto watch = std::make_shared<Watch>();
    EngineRequest work{.prompt = std::move(prompt), .max_tokens = max_tokens, .sink = watch};
    work.sampling.temperature = 0;
    const SequenceId given = check(engine.submit(std::move(work)));
    if (id != nullptr) *id = given;
    return watch;
  }

  // Seconds to the first token.
  double first_token(Engine& engine, int64_t n, uint64_t seed, double cold = 0) const {
    const auto start = Clock::now();
    auto watch = submit(engine, text(n + 32, n, seed), 8);
    const SequenceEnd end = watch->wait();
    const double seconds = std::chrono::duration<double>(watch->times.at(0) - start).count();
    fmt::print("{:8.3f} s, {} of {} tokens reused, {:.2f} % of the first\n", seconds, end.cached_tokens,
               end.prompt_tokens, 100 * seconds / (cold > 0 ? cold : seconds));
    return seconds;
  }

  void prefixes(int64_t n) const {
    auto engine = start(true);
    fmt::print("first token, {} shared tokens and 32 others\n  first           ", n);
    const double cold = first_token(*engine, n, 2);
    fmt::print("  second          ");
    first_token(*engine, n, 3, cold);
    auto begin = Clock::now();
    engine.reset();
    fmt::print("  (stopped in {:.3f} s)\n", seconds_since(begin));
    engine = start(true);
    fmt::print("  after a restart ");
    first_token(*engine, n, 4, cold);
    engine.reset();
    engine = start(true, 1);
    submit(*engine, text(300, 300, 9), 4)->wait();
    engine.reset();
    engine = start(true);
    fmt::print("  after a swap    ");
    first_token(*engine, n, 5, cold);
  }

  void gaps(int64_t n_long) const {
    for (const int64_t n_streams : {1, 3}) {
      auto engine = start(false);
      fmt::print("gaps of {} streams, ms             p50      p95      max\n", n_streams);
      std::vector<std::shared_ptr<Watch>> streams;
      for (int64_t i = 0; i < n_streams; ++i) {
        streams.push_back(submit(*engine, text(32, 0, static_cast<uint64_t>(10 + i)), 40));
      }
      for (auto& stream : streams) stream->wait();
      const double alone = print_gaps("alone", streams);
      streams.clear();
      std::vector<SequenceId> ids(static_cast<size_t>(n_streams));
      for (int64_t i = 0; i < n_streams; ++i) {
        streams.push_back(
            submit(*engine, text(32, 0, static_cast<uint64_t>(10 + i)), 1000, &ids[static_cast<size_t>(i)]));
      }
      for (auto& stream : streams) stream->has_some.get_future().wait();
      const auto begin = Clock::now();
      SequenceId reader_id = 0;
      auto reader = submit(*engine, text(n_long, 0, 20), 1, &reader_id);
      if (reader->ended.get_future().wait_for(std::chrono::seconds(90)) == std::future_status::timeout) {
        fmt::print("  (the long prompt was not done in 90 s)\n");
        engine->cancel(reader_id);
      } else {
        fmt::print("  the long prompt of {} tokens: {:.1f} tokens/s\n", n_long,
                   static_cast<double>(n_long) / seconds_since(begin));
      }
      for (const SequenceId id : ids) engine->cancel(id);
      for (auto& stream : streams) stream->wait();
      const double beside = print_gaps("beside it", streams);
      fmt::print("  p95 beside / p50 alone: {:.2f}\n", beside / alone);
    }
  }

  static double print_gaps(const char* what, const std::vector<std::shared_ptr<Watch>>& streams) {
    std::vector<double> all;
    for (const auto& stream : streams) {
      const auto gaps = stream->gaps_ms();
      all.insert(all.end(), gaps.begin(), gaps.end());
    }
    std::sort(all.begin(), all.end());
    const double middle = percentile(all, 0.5), high = percentile(all, 0.95);
    fmt::print("  {:<28} {:8.1f} {:8.1f} {:8.1f}\n", what, middle, high, percentile(all, 1));
    return std::string_view(what) == "alone" ? middle : high;
  }

  void cancels(int64_t n_long) const {
    auto engine = start(false);
    fmt::print("cancelled, ms to the end\n");
    const auto measure = [&](const char* what, SequenceId id, Watch& watch) {
      const auto begin = Clock::now();
      engine->cancel(id);
      watch.wait();
      fmt::print("  {:<28} {:8.1f}\n", what, 1000 * seconds_since(begin));
    };
    for (int i = 0; i < 3; ++i) {
      SequenceId id = 0;
      auto reading = submit(*engine, text(n_long, 0, static_cast<uint64_t>(30 + i)), 10, &id);
      reading->reading.get_future().wait();
      usleep(static_cast<useconds_t>(100000 + 70000 * i));  // somewhere in a step
      measure("reading a prompt alone", id, *reading);
    }
    SequenceId talker = 0, reader = 0;
    auto talking = submit(*engine, text(32, 0, 40), 1000, &talker);
    talking->has_some.get_future().wait();
    auto reading = submit(*engine, text(n_long, 0, 41), 10, &reader);
    reading->reading.get_future().wait();
    measure("reading beside a stream", reader, *reading);
    measure("decoding", talker, *talking);
  }

  void chunks(int64_t n) const {
    fmt::print("reading {} tokens, by the rows of a step at most\n", n);
    for (const int64_t rows : {8, 16, 32, 64, 128, 256}) {
      auto engine = start(false, 0, rows);
      submit(*engine, text(64, 0, 50), 1)->wait();
      const auto begin = Clock::now();
      submit(*engine, text(n, 0, 51), 1)->wait();
      fmt::print("  {:<28} {:8.1f} tokens/s\n", rows, static_cast<double>(n) / seconds_since(begin));
    }
  }
};

}  // namespace
}  // namespace hearth::engine

int main(int argc, char** argv) {
  using namespace hearth;
  using namespace hearth::engine;
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_prefix MODEL.gguf [PROMPT_TOKENS [LONG_PROMPT_TOKENS]]\n");
    return 2;
  }
  const int64_t n = argc > 2 ? std::atoll(argv[2]) : 4000, n_long = argc > 3 ? std::atoll(argv[3]) : 8000;
  const auto file = check(gguf::ModelFile::open(argv[1]));
  const auto model = check(model::Model::load(file));
  ThreadPool threads(ThreadPool::usable_processors());
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("hearth-bench-prefix-{}", getpid());
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Bench bench{*model, threads, folder, std::max(n, n_long) + 1100};
  bench.prefixes(n);
  std::filesystem::remove_all(folder);
  bench.gaps(n_long);
  bench.cancels(n_long);
  bench.chunks(std::min<int64_t>(n, 512));
}
