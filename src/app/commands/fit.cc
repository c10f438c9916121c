// fit: which models this machine can run, with how much memory and how fast.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/fit/machine_fit.h"
#include "app/model_argument.h"
#include "app/terminal_text.h"

namespace hearth::app {
namespace {

using api::Json;

struct FitCommand {
  std::string model;
  bool json = false;
  SettingFlags settings;
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == ' ' || c == ':' ? '-' : c;
  return result;
}

// All of the catalogue with the first quantisation; or a file or model of the store; or what the catalogue
// has under a name, with every quantisation.
Result<std::vector<FitCandidate>> candidates(const std::string& model, const Settings& settings) {
  std::vector<FitCandidate> all;
  if (!model.empty()) {
    const auto found = find_model(model, settings);
    if (found) {
      HEARTH_TRY(gguf::ModelFile file, open_model_file(*found));
      HEARTH_TRY(FitCandidate candidate,
                 file_candidate(std::move(file), std::filesystem::path(found->name).filename().string(),
                                settings.kv_type));
      all.push_back(std::move(candidate));
      return all;
    }
    // A known name ("Llama 3.1 8B") need not be one that the store could have.
    const ErrorCategory why = found.error().category;
    if (why != ErrorCategory::kNotFound && why != ErrorCategory::kInvalidArgument) {
      return propagate(found.error());
    }
  }
  for (const catalogue::KnownModel& known : catalogue::known_models()) {
    if (lower(known.name).find(lower(model)) == std::string::npos) continue;
    for (const std::string& quant : known.quants) {
      all.push_back(known_candidate(known, quant, settings.kv_type));
      if (model.empty()) break;
    }
  }
  if (!all.empty()) return all;
  return fail(
      ErrorCategory::kNotFound,
      "there is no file or stored model \"{}\", and hearth fit knows no model of that name; without a name "
      "it lists those it knows",
      model);
}

std::string context_name(int64_t context) {
  return context % 1024 == 0 ? fmt::format("{}k", context / 1024) : std::to_string(context);
}

std::string memory_cell(const ModelFit& fit, int64_t context) {
  for (const ContextFit& at : fit.contexts) {
    if (at.context == context) return human_bytes(at.memory.total_bytes());
  }
  return "";
}

std::string rate(double tokens_per_second) {
  if (tokens_per_second == 0) return "";
  return fmt::format("{:.{}f}", tokens_per_second, tokens_per_second < 10 ? 1 : 0);
}

std::string table(const std::vector<ModelFit>& fits) {
  std::string text = fmt::format("{:<32}{:<8}{:>9}{:>9}{:>18}{:>8}{:>8}{:>8}  {}\n", "model", "type", "4k",
                                 "32k", "whole context", "read", "write", "at 32k", "verdict");
  for (const ModelFit& fit : fits) {
    const ContextFit& whole = fit.contexts.back();
    text += fmt::format(
        "{:<32}{:<8}{:>9}{:>9}{:>18}{:>8}{:>8}{:>8}  {}: {}\n", visible_line(fit.name), fit.quant,
        memory_cell(fit, 4096), memory_cell(fit, 32768),
        fmt::format("{} ({})", human_bytes(whole.memory.total_bytes()), context_name(whole.context)),
        rate(fit.prefill_tokens_per_second), rate(fit.decode_tokens_per_second), rate(fit.decode_at_32k),
        verdict_name(fit.verdict), fit.why);
  }
  return text;
}

Json memory_json(const ContextFit& at) {
  const serving::MemoryPlan& plan = at.memory;
  return {{"context", at.context},
          {"fits", at.fits},
          {"total_bytes", plan.total_bytes()},
          {"weight_bytes", plan.weight_bytes},
          {"kv_full_bytes", plan.kv_full_bytes},
          {"kv_sliding_bytes", plan.kv_sliding_bytes},
          {"activation_bytes", plan.activation_bytes},
          {"logit_bytes", plan.logit_bytes},
          {"scratch_bytes", plan.scratch_bytes},
          {"embedder_bytes", plan.embedder_bytes},
          {"word_bytes", plan.word_bytes}};
}

Json fit_json(const ModelFit& fit) {
  Json json{
      {"name", fit.name}, {"type", fit.quant}, {"verdict", verdict_name(fit.verdict)}, {"why", fit.why}};
  if (!fit.pull.empty()) json["pull"] = fit.pull;
  json["file_bytes"] = fit.file_bytes;
  json["prefill_tokens_per_second"] = fit.prefill_tokens_per_second;
  if (fit.decode_tokens_per_second > 0) {
    json["decode_tokens_per_second"] = fit.decode_tokens_per_second;
    json["decode_tokens_per_second_32k"] = fit.decode_at_32k;
  }
  json["memory"] = Json::array();
  for (const ContextFit& at : fit.contexts) json["memory"].push_back(memory_json(at));
  return json;
}

Status run_fit(const FitCommand& command, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, command.settings));
  HEARTH_TRY(const std::vector<FitCandidate> wanted, candidates(command.model, settings));
  HEARTH_TRY(const MachineFit machine, fit_machine(wanted, settings));
  const std::vector<ModelFit>& fits = machine.fits;

  if (command.json) {
    Json json{{"machine",
               {{"memory_bytes", machine.memory_bytes},
                {"threads", machine.n_threads},
                {"kernels", machine.kernels},
                {"read_bytes_per_second", machine.read_bytes_per_second},
                {"macs_per_second", machine.macs_per_second}}}};
    json["models"] = Json::array();
    for (const ModelFit& fit : fits) json["models"].push_back(fit_json(fit));
    if (command.model.empty()) {
      for (const Purpose& purpose : kPurposes) {
        const ModelFit* best = best_for(purpose, fits);
        json["best"][purpose.name] = best ? Json(best->name) : Json(nullptr);
      }
    }
    environment.print(api::dump(json) + "\n");
    return {};
  }
  environment.print(fmt::format(
      "Models can have {} of memory; {} threads with {} kernels read {:.1f} GB/s{}.\n\n",
      human_bytes(machine.memory_bytes), machine.n_threads, machine.kernels,
      machine.read_bytes_per_second / 1e9,
      machine.macs_per_second > 0 ? fmt::format(" and do {:.0f} GMAC/s", machine.macs_per_second / 1e9)
                                  : ""));
  environment.print(table(fits));
  environment.print(
      "\nMemory is for two texts of that length at once. Speeds are predicted, in tokens per second.\n");
  if (!command.model.empty()) return {};
  for (const Purpose& purpose : kPurposes) {
    const ModelFit* best = best_for(purpose, fits);
    environment.print(fmt::format("Best for {}: {}\n", purpose.name, best ? best->name : "none fits"));
  }
  return {};
}

}  // namespace

void add_fit(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<FitCommand>();
  CLI::App* command = app.add_subcommand("fit", "Say which models this machine can run, and how fast");
  command->add_option("MODEL", options->model,
                      "A GGUF file, a model of the store, or (a part of) a known name; without, all known");
  command->add_flag("--json", options->json, "Print JSON");
  add_setting_flag(*command, options->settings, "--memory-gib", "memory_gib",
                   "Memory for all models together, in GiB; 0 = what the machine has");
  add_setting_flag(*command, options->settings, "--threads", "threads",
                   "Compute threads; 0 = all processors");
  add_setting_flag(*command, options->settings, "--kv-type", "kv_type",
                   "How the context is stored: f16, q8_0 or f32");
  add_setting_flag(*command, options->settings, "--kernels", "kernels", "Instruction set, by name");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_fit(*options, environment); };
  });
}

}  // namespace hearth::app
