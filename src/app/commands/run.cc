// run: a chat in the terminal, or one answer.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "app/chat/terminal_chat.h"
#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"
#include "serving/model_choice.h"
#include "serving/model_pool.h"

namespace hearth::app {
namespace {

struct RunOptions {
  std::string model;
  std::vector<std::string> prompt;
  std::string system;
  std::optional<bool> thinking;
  std::vector<std::pair<std::string, std::string>> parameters;  // name, value as written
  bool raw = false;
  bool verbose = false;
  bool hide_thinking = false;
  SettingFlags settings;
};

// No model's name has a blank in it: `hearth run "How do I …?"` is a prompt for the model that is there.
void read_first_argument(RunOptions& options) {
  const std::string& first = options.model;
  std::error_code error;
  if (first.find(' ') == std::string::npos || is_model_path(first) || std::filesystem::exists(first, error))
    return;
  options.prompt.insert(options.prompt.begin(), first);
  options.model.clear();
}

Result<Conversation> start_conversation(const RunOptions& options) {
  Conversation conversation;
  conversation.model = options.model;
  conversation.system = options.system;
  conversation.thinking = options.thinking;
  for (const auto& [name, value] : options.parameters) {
    HEARTH_CHECK_OK(set_parameter(conversation.parameters, name, value));
  }
  return conversation;
}

// The arguments, then what is piped in.
Result<std::string> one_shot_prompt(const RunOptions& options, const Environment& environment) {
  std::string prompt = fmt::format("{}", fmt::join(options.prompt, " "));
  if (!environment.in_is_terminal) {
    HEARTH_TRY(const std::string piped, environment.read_input());
    if (!prompt.empty() && !piped.empty()) prompt += "\n\n";
    prompt += piped;
  }
  if (prompt.empty()) {
    if (options.model.empty()) {
      return fail(ErrorCategory::kInvalidArgument, "there is no prompt: give one through a pipe");
    }
    // It may be meant as the prompt.
    return fail(ErrorCategory::kInvalidArgument,
                "there is no prompt for the model \"{}\": give one behind its name, or through a pipe",
                options.model);
  }
  return prompt;
}

Status answer_once(const ChatModel& model, Conversation conversation, const std::string& prompt,
                   const RunOptions& options, const Environment& environment) {
  serving::ChatMessage message;
  message.role = "user";
  message.content = prompt;
  conversation.messages.push_back(std::move(message));
  serving::GenerationRequest request = conversation.request(model.name);
  if (options.raw) request.prompt = serving::TextPrompt{prompt, true};

  HEARTH_TRY(serving::TokenStream stream, model.service->generate(std::move(request)));
  Answer answer = print_answer(std::move(stream), environment, !options.hide_thinking, nullptr);
  if (!answer.text.empty() && !answer.text.ends_with('\n')) environment.print("\n");
  std::fflush(environment.out);
  if (answer.error) return propagate(*std::move(answer.error));
  if (const std::string cut = cut_note(*answer.end, conversation.parameters.max_tokens, model.context_length);
      !cut.empty() && !conversation.parameters.max_tokens) {
    environment.say(cut);
  }
  if (options.verbose) environment.say(timing_line(*answer.end));
  return {};
}

// The one there is where the command line names none.
Result<std::string> chosen_model(const serving::ModelPool& pool) {
  std::vector<std::string> names;
  for (const serving::ModelSummary& model : serving::models_to_choose_from(pool.list_models())) {
    if (model.capabilities.completion) names.push_back(model.name);
  }
  if (names.size() == 1) return names.front();
  if (names.empty()) {
    return fail(ErrorCategory::kNotFound,
                "there is no model yet: hearth fit says which ones this machine can run, hearth pull NAME "
                "fetches one");
  }
  return fail(ErrorCategory::kInvalidArgument, "say which model, as in hearth run {}; there are {}",
              names.front(), fmt::join(names, ", "));
}

Result<ChatModel> load_model(serving::ModelPool& pool, const RunOptions& options,
                             const Environment& environment) {
  HEARTH_TRY(const ModelArgument argument, find_model(options.model, environment.variables));
  ChatModel model;
  model.service = &pool;
  model.name = argument.name;
  if (argument.in_store) {
    HEARTH_TRY(serving::TokenStream loading, pool.preload(argument.name, serving::kKeepForever));
    const serving::GenerationEvent end = loading.next();
    if (const auto* error = std::get_if<Error>(&end)) return propagate(*error);
  } else {
    HEARTH_TRY(const serving::ModelSummary loaded, pool.load(options.model));
    model.name = loaded.name;
  }
  HEARTH_TRY(serving::ModelDetails details, pool.describe(model.name));
  model.context_length = details.summary.context_length;
  model.card = std::move(details.card);
  model.chat_template = std::move(details.chat_template);
  return model;
}

Status run_run(RunOptions options, Environment& environment) {
  read_first_argument(options);
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, options.settings));
  HEARTH_TRY(Conversation conversation, start_conversation(options));
  const bool one_shot =
      !options.prompt.empty() || !environment.in_is_terminal || !environment.out_is_terminal;
  std::string prompt;
  if (one_shot) {
    HEARTH_TRY(prompt, one_shot_prompt(options, environment));
  }

  auto bar = std::make_unique<ProgressBar>("loading", environment.err, environment.err_is_terminal);
  serving::ModelPoolOptions pool_options;
  pool_options.n_threads = settings.threads;
  pool_options.context_length = settings.context;
  pool_options.memory_bytes = settings.memory_bytes();
  pool_options.kv_dtype = settings.kv_type;
  pool_options.speculate = settings.speculation;
  pool_options.kernels = settings.kernels;
  pool_options.store = open_store(settings);
  pool_options.on_load_progress = [&bar](const serving::LoadProgress& progress) {
    if (bar) bar->update(progress.done_bytes, progress.total_bytes);
  };
  HEARTH_TRY(const std::unique_ptr<serving::ModelPool> pool,
             serving::ModelPool::create(std::move(pool_options)));
  if (options.model.empty()) {
    HEARTH_TRY(options.model, chosen_model(*pool));
    conversation.model = options.model;
  }
  auto model = load_model(*pool, options, environment);
  bar.reset();
  if (!model) return propagate(std::move(model).error());

  if (one_shot) return answer_once(*model, std::move(conversation), prompt, options, environment);
  const TerminalChat::View view{.verbose = options.verbose, .show_reasoning = !options.hide_thinking};
  return TerminalChat(*std::move(model), std::move(conversation), view, environment, settings.data_dir).run();
}

void add_parameter_flag(CLI::App& command, RunOptions& options, const std::string& flag,
                        const std::string& name, const std::string& description) {
  command.add_option_function<std::string>(
      flag, [&options, name](const std::string& value) { options.parameters.emplace_back(name, value); },
      description);
}

}  // namespace

void add_run(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Chat with a model in the terminal, or get one answer");
  command->footer(
      "With PROMPT or a pipe, one answer is written to standard output. Otherwise a chat begins.");
  command->add_option(
      "MODEL", options->model,
      "A model of the store, or the path of a GGUF file; may be left out where there is one and PROMPT has "
      "more than one word");
  command->add_option("PROMPT", options->prompt, "What to answer; what is piped in is put behind it");
  command->add_option("--system", options->system, "System text");
  command->add_flag_callback(
      "--think", [o = options.get()] { o->thinking = true; }, "Let the model think first");
  command
      ->add_flag_callback(
          "--no-think", [o = options.get()] { o->thinking = false; }, "Do not let it")
      ->excludes("--think");
  command->add_flag("--hide-thinking", options->hide_thinking, "Show the answer only");
  add_parameter_flag(*command, *options, "--temperature", "temperature",
                     "0 … 100; 0 always takes the likeliest token");
  add_parameter_flag(*command, *options, "--top-k", "top_k", "Choose among this many tokens; 0 = all");
  add_parameter_flag(*command, *options, "--top-p", "top_p",
                     "Choose among the likeliest with this sum; 1 = all");
  add_parameter_flag(*command, *options, "--min-p", "min_p",
                     "Leave out tokens less likely than this share of the best");
  add_parameter_flag(*command, *options, "--seed", "seed", "The same seed gives the same answer");
  add_parameter_flag(*command, *options, "--max-tokens", "max_tokens", "Tokens of an answer at most");
  add_parameter_flag(*command, *options, "--stop", "stop", "End the answer at this text");
  command->add_flag("--raw", options->raw, "Continue PROMPT as it is, without the chat template");
  add_setting_flag(*command, options->settings, "--context", "context",
                   "Tokens a chat may have; 0 = the model's own, at most 8192");
  add_setting_flag(*command, options->settings, "--threads", "threads",
                   "Compute threads; 0 = all processors");
  add_setting_flag(*command, options->settings, "--kv-type", "kv_type",
                   "How the context is stored: f16, q8_0 or f32");
  add_setting_flag(*command, options->settings, "--speculation", "speculation",
                   "Draft tokens where the text repeats itself, which changes speed only: on or off");
  add_setting_flag(*command, options->settings, "--kernels", "kernels", "Instruction set, by name");
  command->add_flag("--verbose", options->verbose, "Show how long it took");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_run(*options, environment); };
  });
}

}  // namespace hearth::app
