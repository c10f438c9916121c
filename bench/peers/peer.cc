// Times llama.cpp through its C interface, as its own llama-bench does: random tokens, the time of
// llama_decode alone. `compare` compiles this against the headers and libraries of an npm package; see
// README.md.
//
//   peer LIBRARIES MODEL THREADS            reads tests from standard input, one a line: pp|tg N DEPTH BATCH
//                                           and answers each with a line of JSON
//   peer LIBRARIES MODEL THREADS --answer CONTEXT N TEXT
//                                           prints N tokens that continue TEXT, each as soon as it is known
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "app/bench/machine_limits.h"
#include "ggml-backend.h"
#include "llama.h"

namespace {

constexpr int kBatchRows = 512;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "peer: %s\n", why.c_str());
  std::exit(1);
}

// Rows of a pass, for llama_decode.
class Rows {
 public:
  Rows() : batch_(llama_batch_init(kBatchRows, 0, 1)) {}
  ~Rows() { llama_batch_free(batch_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool full() const { return batch_.n_tokens == kBatchRows; }
  void add(llama_token token, int position, int sequence, bool wants_logits) {
    const int i = batch_.n_tokens++;
    batch_.token[i] = token;
    batch_.pos[i] = position;
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = sequence;
    batch_.logits[i] = wants_logits;
  }
  void decode(llama_context* context) {
    if (batch_.n_tokens > 0 && llama_decode(context, batch_) != 0) stop("llama_decode failed");
    batch_.n_tokens = 0;
  }

 private:
  llama_batch batch_;
};

struct Test {
  bool prompt = true;
  int n = 0, depth = 0, batch = 1;
};

class Peer {
 public:
  Peer(const char* libraries, const char* path, int n_threads) : n_threads_(n_threads) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    ggml_backend_load_all_from_path(libraries);
    llama_backend_init();
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = 0;
    params.load_mode = LLAMA_LOAD_MODE_MMAP;
    model_ = llama_model_load_from_file(path, params);
    if (model_ == nullptr) stop("cannot load the model");
    vocab_ = llama_model_get_vocab(model_);
  }
  ~Peer() {
    llama_free(context_);
    llama_model_free(model_);
  }

  void open(int n_positions, int n_sequences) {
    llama_free(context_);
    llama_context_params params = llama_context_default_params();
    // Rounded up as its cache wants it, per sequence.
    params.n_ctx = static_cast<uint32_t>((n_positions + 255) / 256 * 256 * n_sequences);
    params.n_batch = params.n_ubatch = kBatchRows;
    params.n_seq_max = static_cast<uint32_t>(n_sequences);
    params.n_outputs_max = static_cast<uint32_t>(n_sequences);
    params.n_threads = params.n_threads_batch = n_threads_;
    params.swa_full = false;  // as llama-bench
    context_ = llama_init_from_model(model_, params);
    if (context_ == nullptr) stop("cannot make a context");
  }

  double seconds_of(const Test& test) {
    start(test);
    Rows rows;
    const auto begin = std::chrono::steady_clock::now();
    if (test.prompt) {
      for (int sequence = 0; sequence < test.batch; ++sequence) read(rows, test.n, test.depth, sequence);
      rows.decode(context_);
      llama_synchronize(context_);
    } else {
      for (int i = 0; i < test.n; ++i) {
        for (int sequence = 0; sequence < test.batch; ++sequence)
          rows.add(random_token(), test.depth + i, sequence, true);
        rows.decode(context_);
        llama_synchronize(context_);
      }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  // The first run at a depth reads so many tokens; the cache is then put back for each.
  void start(const Test& test) {
    llama_memory_t memory = llama_get_memory(context_);
    llama_memory_clear(memory, false);
    if (test.depth == 0) return;
    if (state_.empty()) {
      Rows rows;
      read(rows, test.depth, 0, 0);
      rows.decode(context_);
      llama_synchronize(context_);
      state_.resize(llama_state_seq_get_size(context_, 0));
      state_.resize(llama_state_seq_get_data(context_, state_.data(), state_.size(), 0));
      llama_memory_clear(memory, false);
    }
    for (int sequence = 0; sequence < test.batch; ++sequence) {
      if (llama_state_seq_set_data(context_, state_.data(), state_.size(), sequence) == 0)
        stop("cannot put the cache back");
    }
  }
  void forget() { state_.clear(); }

  void answer(const std::string& text, int n) {
    std::vector<llama_token> tokens(text.size() + 8);
    const int count = llama_tokenize(vocab_, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                                     static_cast<int32_t>(tokens.size()), true, false);
    if (count <= 0 || count > kBatchRows) stop("cannot tokenize the text");
    Rows rows;
    for (int i = 0; i < count; ++i) rows.add(tokens[static_cast<size_t>(i)], i, 0, i == count - 1);
    for (int i = 0; i < n; ++i) {
      rows.decode(context_);
      const float* logits = llama_get_logits_ith(context_, -1);
      const auto next =
          static_cast<llama_token>(std::max_element(logits, logits + llama_vocab_n_tokens(vocab_)) - logits);
      std::printf("%d\n", next);
      std::fflush(stdout);
      rows.add(next, count + i, 0, true);
    }
  }

 private:
  void read(Rows& rows, int n, int first, int sequence) {
    for (int i = 0; i < n; ++i) {
      if (rows.full()) rows.decode(context_);
      rows.add(random_token(), first + i, sequence, i == n - 1);
    }
  }
  llama_token random_token() {
    return static_cast<llama_token>(random_() % static_cast<uint32_t>(llama_vocab_n_tokens(vocab_)));
  }

  int n_threads_;
  llama_model* model_ = nullptr;
  const llama_vocab* vocab_ = nullptr;
  llama_context* context_ = nullptr;
  std::vector<uint8_t> state_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 8) stop("LIBRARIES MODEL THREADS [--answer CONTEXT N TEXT]");
  const int n_threads = std::atoi(argv[3]);
  Peer peer(argv[1], argv[2], n_threads);
  if (argc == 8) {
    peer.open(std::atoi(argv[5]), 1);
    peer.answer(argv[7], std::atoi(argv[6]));
    return 0;
  }

  hearth::ThreadPool threads(n_threads);
  const auto survey = hearth::app::survey_read_bandwidth(threads);
  if (!survey) stop("no memory for the read test");
  hearth::app::ReadBandwidth best;
  for (const auto& rate : *survey) {
    if (rate.n_threads == n_threads && rate.bytes_per_second > best.bytes_per_second) best = rate;
  }
  const auto read_test = hearth::app::ReadTest::create(threads, best.pages);
  if (!read_test) stop("no memory for the read test");

  Test open;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string kind;
    Test test;
    words >> kind >> test.n >> test.depth >> test.batch;
    test.prompt = kind == "pp";
    if (!words || (test.prompt == (kind == "tg"))) stop("not a test: " + line);
    if (test.depth != open.depth || test.batch != open.batch) peer.forget();
    if (test.depth != open.depth || test.batch != open.batch || test.n != open.n ||
        test.prompt != open.prompt) {
      peer.open(test.depth + test.n, test.batch);
      Test warm_up = test;
      if (!test.prompt) warm_up.n = 1;
      peer.seconds_of(warm_up);
      open = test;
    }
    const auto measure = [&] { return read_test->measure(*best.loop, n_threads, 6); };
    const double before = measure();
    const double seconds = peer.seconds_of(test);
    std::printf("{\"tokens_per_second\": %.6g, \"read_bytes_per_second\": %.6g}\n",
                test.n * test.batch / seconds, std::max(before, measure()));
    std::fflush(stdout);
  }
  return 0;
}
