// create: a model of the store from a Modelfile.
#include <CLI/CLI.hpp>
#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/shutdown_signals.h"
#include "app/terminal_text.h"
#include "base/random_id.h"
#include "convert/quantize_model.h"
#include "serving/model_creation.h"

namespace hearth::app {
namespace {

constexpr size_t kMaxModelfileBytes = size_t{16} << 20;

struct CreateOptions {
  std::string name;
  std::string file = "Modelfile";
  std::string quantize;
};

// A file of the store's folder that goes with it.
class Draft {
 public:
  // Where a crash leaves it, the store collects it by this name.
  explicit Draft(const store::ModelStore& store) : path_(store.blobs().folder() / random_id("writing-")) {}
  ~Draft() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Result<std::string> read_modelfile(const std::string& path, const Environment& environment) {
  if (path == "-") return environment.read_input(kMaxModelfileBytes);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCategory::kNotFound, "there is no file \"{}\"; -f names the Modelfile", path);
  }
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > kMaxModelfileBytes) {
    return fail(ErrorCategory::kInvalidArgument, "{} is longer than a Modelfile may be", path);
  }
  return text;
}

// The weights of `source`, with other types.
Status quantize(const serving::WeightSource& source, const store::ModelStore& store,
                const convert::QuantMix& mix, const std::filesystem::path& output,
                const std::atomic<bool>& stopped, const Environment& environment) {
  std::vector<std::filesystem::path> files{source.file};
  if (!source.model.empty()) {
    HEARTH_TRY(const store::StoredModel base, store.find(source.model));
    files = base.files;
  }
  HEARTH_TRY(const gguf::ModelFile file, gguf::ModelFile::open(files));
  HEARTH_TRY(convert::ModelSource weights, convert::ModelSource::of(file));
  HEARTH_TRY(const convert::QuantizePlan plan, convert::QuantizePlan::make(std::move(weights), mix, nullptr));
  for (const std::string& notice : plan.notices()) environment.say(notice);
  std::error_code error;
  std::filesystem::create_directories(output.parent_path(), error);
  ThreadPool threads(ThreadPool::usable_processors());
  ProgressBar bar("quantising", environment.err, environment.err_is_terminal);
  return plan.write(
      output, threads,
      {.report = [&bar](uint64_t done, uint64_t total) { bar.update(done, total); }, .cancelled = &stopped});
}

Status run_create(const CreateOptions& options, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  HEARTH_TRY(const store::ModelName name, store::ModelName::parse(options.name));
  HEARTH_TRY(const std::string text, read_modelfile(options.file, environment));
  auto parsed = store::parse_modelfile(text);
  if (!parsed) return propagate(std::move(parsed).error(), options.file);
  for (const std::string& warning : parsed->warnings) environment.say(warning);
  if (parsed->from.size() != 1) {
    return fail(
        ErrorCategory::kUnsupported,
        "{}: {} FROM lines: weights come from one place; a second file with an image encoder is not used",
        options.file, parsed->from.size());
  }
  const std::filesystem::path folder =
      options.file == "-" ? std::filesystem::path() : std::filesystem::path(options.file).parent_path();
  HEARTH_TRY(serving::WeightSource source, serving::find_weights(parsed->from.front(), folder));
  std::optional<convert::QuantMix> mix;
  if (!options.quantize.empty()) {
    HEARTH_TRY(mix, convert::find_quant_mix(options.quantize));
  }

  std::atomic<bool> stopped{false};
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals
  signals.watch([&stopped] { stopped = true; }, [&stopped] { stopped = true; });
  std::optional<ProgressBar> bar;
  const auto store = open_store(settings);
  std::optional<store::FileLock> writing;  // so that nobody collects the draft
  std::optional<Draft> draft;
  if (mix) {
    HEARTH_TRY(store::FileLock lock, store->begin_writing());
    writing.emplace(std::move(lock));
    draft.emplace(*store);
    HEARTH_CHECK_OK(quantize(source, *store, *mix, draft->path(), stopped, environment));
    source.file = draft->path();
  }
  const auto made =
      serving::create_model(*store, name, source, *parsed, [&](const serving::CreationStep& step) {
        if (step.total != 0 && !bar) bar.emplace("copying", environment.err, environment.err_is_terminal);
        if (step.total != 0) bar->update(step.completed, step.total);
        if (step.total == 0) bar.reset();
        return !stopped;
      });
  bar.reset();
  signals.stop();
  if (!made) return propagate(made.error());
  environment.print_untrusted(fmt::format("made {}\n", made->name));
  return {};
}

}  // namespace

void add_create(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = app.add_subcommand("create", "Make a model from another one, as a Modelfile says");
  command->add_option("NAME", options->name, "What the new model is called")->required();
  command->add_option("-f,--file", options->file,
                      "The Modelfile; - reads standard input (default: Modelfile)");
  command->add_option(
      "-q,--quantize", options->quantize,
      fmt::format("Write the weights with smaller types: {}", fmt::join(convert::quant_mix_names(), ", ")));
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_create(*options, environment); };
  });
}

}  // namespace hearth::app
