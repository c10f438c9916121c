// template: what a chat looks like to the model.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>

#include "api/json.h"
#include "app/chat/message_json.h"
#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "serving/text_model.h"

namespace hearth::app {
namespace {

using api::Json;
using serving::ChatMessage;
using serving::ChatPrompt;

struct TemplateOptions {
  std::string model;
  std::optional<std::string> system;
  std::optional<std::string> user;
  std::string tools;  // a file
  std::string think;  // "on", "off" or nothing
  bool no_generation_prompt = false;
  bool json = false;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream.is_open()) return fail(ErrorCategory::kNotFound, "cannot open \"{}\"", path);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (stream.bad()) return fail(ErrorCategory::kIo, "cannot read \"{}\"", path);
  return text;
}

// Standard input is a list of messages, or an object like a chat request: {"messages": [...], "tools":
// [...]}.
Status read_request(const std::string& text, ChatPrompt& prompt) {
  auto parsed = api::parse_json(text);
  if (!parsed) return propagate(std::move(parsed).error(), "standard input");
  const Json& json = *parsed;
  const bool object = json.is_object();
  if (!json.is_array() && !(object && json.contains("messages"))) {
    return fail(ErrorCategory::kInvalidArgument,
                "standard input must be a JSON list of messages, or an object with \"messages\"");
  }
  HEARTH_TRY(prompt.messages, messages_from_json(object ? json["messages"] : json));
  if (object && json.contains("tools") && !json["tools"].is_null()) {
    prompt.tools = api::to_untrusted_value(json["tools"]);
  }
  return {};
}

void add_message(ChatPrompt& prompt, bool front, std::string role, const std::string& content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = content;
  prompt.messages.insert(front ? prompt.messages.begin() : prompt.messages.end(), std::move(message));
}

Result<ChatPrompt> read_prompt(const TemplateOptions& options, const Environment& environment) {
  ChatPrompt prompt;
  if (!options.user) {
    HEARTH_TRY(const std::string text, environment.read_input());
    HEARTH_CHECK_OK(read_request(text, prompt));
  }
  if (options.system) add_message(prompt, true, "system", *options.system);
  if (options.user) add_message(prompt, false, "user", *options.user);
  if (!options.tools.empty()) {
    HEARTH_TRY(const std::string text, read_file(options.tools));
    auto tools = api::parse_json(text);
    if (!tools) return propagate(std::move(tools).error(), options.tools);
    prompt.tools = api::to_untrusted_value(*tools);
  }
  if (!options.think.empty()) prompt.thinking = options.think == "on";
  prompt.add_generation_prompt = !options.no_generation_prompt;
  return prompt;
}

Status run_template(const TemplateOptions& options, Environment& environment) {
  HEARTH_TRY(const ModelArgument argument, find_model(options.model, environment.variables));
  HEARTH_TRY(const gguf::ModelFile file, open_model_file(argument));
  HEARTH_TRY(const std::unique_ptr<serving::TextModel> model,
             serving::TextModel::open(file, nullptr, argument.defaults));
  HEARTH_TRY(const ChatPrompt prompt, read_prompt(options, environment));
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  HEARTH_TRY(const text::PromptText rendered, model->render(prompt, now));
  if (!options.json) {
    environment.print_untrusted(rendered.text);
    if (environment.out_is_terminal && !rendered.text.ends_with('\n')) environment.print("\n");
    return {};
  }
  Json untrusted = Json::array();
  for (const text::ByteRange& range : rendered.untrusted) untrusted.push_back({range.begin, range.end});
  Json json = {{"prompt", rendered.text},
               {"tokens", model->encode_rendered(rendered)},
               {"untrusted", std::move(untrusted)},
               {"own_template", model->has_own_template()}};
  environment.print(api::dump(json) + "\n");
  return {};
}

}  // namespace

void add_template(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<TemplateOptions>();
  CLI::App* command = app.add_subcommand("template", "Show the prompt a model gets for a chat");
  command->footer(
      "Without --user the messages are read from standard input, as JSON: a list of\n"
      "{\"role\": ..., \"content\": ...}, or an object with \"messages\" and \"tools\".");
  command->add_option("MODEL", options->model, "A model of the store, or the path of a GGUF file")
      ->required();
  command->add_option("--system", options->system, "A system message, in front of the others");
  command->add_option("--user", options->user, "A user message");
  command->add_option("--tools", options->tools, "File with tool declarations, a JSON list");
  command->add_option("--think", options->think, "Thinking: on or off (default: as the template does)")
      ->check(CLI::IsMember({"on", "off"}));
  command->add_flag("--no-generation-prompt", options->no_generation_prompt,
                    "Do not open the model's turn; a last assistant message is left open instead");
  command->add_flag("--json", options->json,
                    "Print JSON: prompt, token ids, and the byte ranges from outside");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_template(*options, environment); };
  });
}

}  // namespace hearth::app
