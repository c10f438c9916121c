// hearth-synth SPEC OUT: writes a model file with random weights (tools/synth/synthetic_model.h).
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.h"
#include "convert/quant_mix.h"
#include "catalogue/model_spec.h"
#include "synth/synthetic_model.h"

namespace {

void show_progress(uint64_t done, uint64_t total) {
  static int shown = -1;
  const int percent = static_cast<int>(done * 100 / total);
  if (percent == shown) return;
  shown = percent;
  constexpr int kWidth = 40;
  const int filled = percent * kWidth / 100;
  fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {:3}%  {:.2f} of {:.2f} GB", "", filled, "", kWidth - filled,
             percent, done / 1e9, total / 1e9);
}

int list_names() {
  fmt::print("models:\n");
  for (std::string_view name : hearth::catalogue::model_spec_names()) fmt::print("  {}\n", name);
  fmt::print("quantisations:\n");
  for (std::string_view name : hearth::convert::quant_mix_names()) fmt::print("  {}\n", name);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  hearth::synth::SynthOptions options;
  bool list = false;
  CLI::App app("Writes a model file with random weights in the exact shape of a real model.", "hearth-synth");
  auto* spec = app.add_option("SPEC", options.spec, "The model (see --list)");
  auto* output = app.add_option("OUT", options.output, "The file to write");
  app.add_option("--quant", options.quant, "The quantisation (see --list)")->capture_default_str();
  app.add_option("--layers", options.n_layers, "Another number of layers than the model has");
  app.add_option("--context", options.context, "Another context length than the model has");
  app.add_option("--vocab", options.vocabulary, "A GGUF file whose tokenizer to copy");
  app.add_option("--seed", options.seed, "Other weights")->capture_default_str();
  app.add_option("--threads", options.n_threads, "Threads; all by default")->check(CLI::Range(0, 1024));
  app.add_flag("--list", list, "List models and quantisations");
  CLI11_PARSE(app, argc, argv);
  if (list) return list_names();
  if (spec->count() == 0 || output->count() == 0) {
    fmt::print(stderr, "hearth-synth: SPEC and OUT are needed (see --help)\n");
    return hearth::error_codes(hearth::ErrorCategory::kInvalidArgument).exit_code;
  }

  const bool terminal = isatty(STDERR_FILENO) == 1;
  if (terminal) options.progress = show_progress;
  const auto written = hearth::synth::write_synthetic_model(options);
  if (terminal) fmt::print(stderr, "\n");
  if (!written) {
    fmt::print(stderr, "hearth-synth: {}\n", written.error().message);
    return hearth::error_codes(written.error().category).exit_code;
  }
  return 0;
}
