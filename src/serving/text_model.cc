#include "serving/text_model.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gguf/printable.h"
#include "serving/prompt_rules.h"
#include "serving/text_value.h"
#include "serving/vocabulary_loader.h"
#include "text/output/syntax_detection.h"

namespace hearth::serving {
namespace {

using gguf::printable;
using text::Value;

// Stands behind the content of a message that is to be continued, so that the end of the content is found
// again whatever the template does with white space. Letters only: templates may escape or split anything
// else.
constexpr std::string_view kContinuation = "HearthContinuesHere";

// What only the program may say to a template.
constexpr std::string_view kReservedVariables[] = {"messages", "tools", "add_generation_prompt", "bos_token",
                                                   "eos_token"};

constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool"};

bool is_non_empty_list(const Value& value) {
  return value.is_list() && !value.as_list().empty();
}

std::string spelling(const text::Tokenizer& tokenizer, std::optional<text::TokenId> id) {
  return id ? tokenizer.piece(*id, true) : std::string();
}

int64_t unix_seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

ChatMessage plain_message(std::string role, std::string content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

// For templates without a system role: its text in front of the next user message.
std::vector<ChatMessage> with_system_in_user(const std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> merged;
  std::string waiting;
  for (const ChatMessage& message : messages) {
    if (message.role == "system" || message.role == "developer") {
      if (!waiting.empty()) waiting += "\n\n";
      waiting += message.content;
      continue;
    }
    merged.push_back(message);
    if (message.role == "user" && !waiting.empty()) {
      merged.back().content = std::exchange(waiting, {}) + "\n\n" + message.content;
    }
  }
  if (!waiting.empty()) merged.push_back(plain_message("user", std::move(waiting)));
  return merged;
}

// For templates that show calls only where a message has no content: its words become a message before them.
std::vector<ChatMessage> with_calls_alone(std::vector<ChatMessage> messages) {
  std::vector<ChatMessage> split;
  split.reserve(messages.size());
  for (ChatMessage& message : messages) {
    if (!message.tool_calls.empty() && !message.content.empty()) {
      ChatMessage& words = split.emplace_back(plain_message(message.role, std::move(message.content)));
      words.reasoning = std::exchange(message.reasoning, {});
      message.content.clear();
    }
    split.push_back(std::move(message));
  }
  return split;
}

// A template that came with the request: all that is wrong with it is the request's fault.
Result<text::PromptText> render_given(std::string_view source, const Value& variables,
                                      int64_t now_unix_seconds) {
  const auto written = [&]() -> Result<text::PromptText> {
    HEARTH_TRY(const text::ChatTemplate given, text::ChatTemplate::compile(source));
    return given.render(variables, now_unix_seconds);
  };
  auto rendered = written();
  if (rendered) return rendered;
  return fail(ErrorCategory::kInvalidArgument, "template: {} (Jinja and Go templates are understood)",
              rendered.error().message);
}

std::string_view reasoning_key(std::string_view source) {
  const auto reads = [&](std::string_view word) { return source.find(word) != std::string_view::npos; };
  if (!reads("reasoning_content")) {
    if (reads("message.thinking")) return "thinking";
    if (reads("message.reasoning") || reads("message['reasoning']")) return "reasoning";
  }
  return "reasoning_content";
}

}  // namespace

Result<std::unique_ptr<TextModel>> TextModel::open(const gguf::ModelFile& file,
                                                   std::shared_ptr<const text::LineRules> prompt_rules,
                                                   const ModelDefaults& defaults) {
  HEARTH_TRY(text::VocabularySpec spec, read_vocabulary(file));
  HEARTH_TRY(std::unique_ptr<text::Tokenizer> tokenizer, text::Tokenizer::create(std::move(spec)));

  const gguf::Metadata& metadata = file.metadata();
  HEARTH_TRY(auto own, metadata.get_string("tokenizer.chat_template"));
  HEARTH_TRY(auto with_tools, metadata.get_string("tokenizer.chat_template.tool_use"));
  HEARTH_TRY(const auto rerank, metadata.get_string("tokenizer.chat_template.rerank"));
  const bool given = !defaults.chat_template.empty();
  if (given) {
    own = defaults.chat_template;
    with_tools.reset();
  }

  auto compiled = text::ChatTemplate::compile(own.value_or(text::default_chat_template()));
  if (!compiled) {
    return propagate(std::move(compiled).error(), given ? "its template" : "tokenizer.chat_template");
  }
  std::unique_ptr<TextModel> model(new TextModel(std::move(tokenizer), *std::move(compiled)));
  if (with_tools) {
    auto second = text::ChatTemplate::compile(*with_tools);
    if (!second) return propagate(std::move(second).error(), "tokenizer.chat_template.tool_use");
    model->chat_with_tools_ = *std::move(second);
  }
  model->rerank_form_ = std::string(rerank.value_or(std::string_view()));
  model->has_own_template_ = own.has_value();
  model->bos_ = spelling(*model->tokenizer_, model->tokenizer_->bos());
  model->eos_ = spelling(*model->tokenizer_, model->tokenizer_->eos());
  const std::string_view source = own.value_or(text::default_chat_template());
  model->habits_.developer_role = source.find("developer") != std::string_view::npos;
  model->habits_.reasoning_key = reasoning_key(source);
  model->learn_habits();
  model->prompt_rules_ = std::move(prompt_rules);
  model->syntax_ = text::detect_output_syntax(model->chat_, source);
  model->syntax_.bind(*model->tokenizer_);
  model->syntax_with_tools_ = model->syntax_;
  model->system_ = defaults.system;
  model->messages_ = defaults.messages;
  if (with_tools) {
    model->syntax_with_tools_ = text::detect_output_syntax(*model->chat_with_tools_, *with_tools);
    model->syntax_with_tools_.bind(*model->tokenizer_);
  }
  return model;
}

void TextModel::learn_habits() {
  const auto trial = [&](const ChatPrompt& prompt) -> std::string {
    const auto rendered = render(prompt, 0);
    return rendered ? rendered->text : std::string();
  };
  ChatPrompt question;
  question.messages = {plain_message("user", "question")};
  if (trial(question).empty()) return;  // nothing to be learned from a template that fails always

  ChatPrompt with_system = question;
  with_system.messages.insert(with_system.messages.begin(), plain_message("system", "instruction"));
  habits_.system_role = trial(with_system).find("instruction") != std::string::npos;

  ChatPrompt with_call = question;
  with_call.tools = chat_with_tools_ ? Value::list({Value::map()}) : Value();
  ChatMessage& answer = with_call.messages.emplace_back(plain_message("assistant", ""));
  ToolCall& call = answer.tool_calls.emplace_back();
  call.id = "call00001";  // nine letters and digits, which is what one family insists on
  call.name = "look_up";
  call.arguments = Value::map({{"topic", "needle"}});
  for (const bool calls_alone : {false, true}) {
    for (const bool arguments_as_text : {false, true}) {
      habits_.calls_alone = calls_alone;
      habits_.arguments_as_text = arguments_as_text;
      const std::string shown = trial(with_call);
      // A mapping that was pasted into text shows in the template language's own notation instead of JSON.
      if (shown.find("needle") != std::string::npos && shown.find("{'topic'") == std::string::npos) return;
    }
  }
  habits_.calls_alone = habits_.arguments_as_text = false;
}

const text::ChatTemplate& TextModel::template_for(const ChatPrompt& prompt) const {
  return chat_with_tools_ && is_non_empty_list(prompt.tools) ? *chat_with_tools_ : chat_;
}

const text::OutputSyntax& TextModel::output_syntax(const ChatPrompt& prompt) const {
  return is_non_empty_list(prompt.tools) ? syntax_with_tools_ : syntax_;
}

Status TextModel::check_names(const Value& value, std::string_view where) const {
  if (value.is_list()) {
    for (const Value& item : value.as_list()) HEARTH_CHECK_OK(check_names(item, where));
  } else if (value.is_map()) {
    for (const auto& [key, item] : value.as_map()) {
      for (const text::TokenId id : tokenizer_->encode(key, {.parse_special = true})) {
        if (tokenizer_->is_control(id)) {
          return fail(ErrorCategory::kInvalidArgument,
                      "{}: the name \"{}\" spells a control token of this model", where, printable(key));
        }
      }
      HEARTH_CHECK_OK(check_names(item, where));
    }
  }
  return {};
}

std::vector<ChatMessage> TextModel::with_defaults(const std::vector<ChatMessage>& messages) const {
  const auto is_system = [](const ChatMessage& m) { return m.role == "system" || m.role == "developer"; };
  const auto talk = std::find_if_not(messages.begin(), messages.end(), is_system);
  std::vector<ChatMessage> whole(messages.begin(), talk);
  if (whole.empty() && !system_.empty()) whole.push_back(plain_message("system", system_));
  whole.insert(whole.end(), messages_.begin(), messages_.end());
  whole.insert(whole.end(), talk, messages.end());
  return whole;
}

Result<Value> TextModel::messages(const ChatPrompt& prompt, const std::string& continuation) const {
  for (size_t i = 0; i < prompt.messages.size(); ++i) {
    const std::string& role = prompt.messages[i].role;
    if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
      return fail(ErrorCategory::kInvalidArgument,
                  "messages[{}].role is \"{}\", must be system, developer, user, assistant or tool", i,
                  printable(role));
    }
  }
  std::vector<ChatMessage> adapted =
      prompt.history.empty() ? with_defaults(prompt.messages) : prompt.messages;
  if (prompt_rules_) adapted = with_rules(*prompt_rules_, std::move(adapted));
  if (!habits_.system_role) adapted = with_system_in_user(adapted);
  if (habits_.calls_alone) adapted = with_calls_alone(std::move(adapted));
  text::ValueList list;
  list.reserve(adapted.size());
  for (size_t i = 0; i < adapted.size(); ++i) {
    const ChatMessage& message = adapted[i];
    const bool plain_system = message.role == "developer" && !habits_.developer_role;
    const bool last = i + 1 == adapted.size();
    Value entry = Value::map();
    entry.set("role", plain_system ? std::string("system") : message.role);
    const bool no_content = habits_.calls_alone && !message.tool_calls.empty();
    entry.set("content", no_content
                             ? Value()
                             : Value::untrusted(last ? message.content + continuation : message.content));
    if (!message.name.empty()) entry.set("name", Value::untrusted(message.name));
    if (!message.tool_call_id.empty()) entry.set("tool_call_id", Value::untrusted(message.tool_call_id));
    if (!message.reasoning.empty()) {
      entry.set(std::string(habits_.reasoning_key), Value::untrusted(message.reasoning));
    }
    if (!message.tool_calls.empty()) {
      text::ValueList calls;
      for (const ToolCall& call : message.tool_calls) {
        HEARTH_CHECK_OK(check_names(call.arguments, "tool call arguments"));
        Value function = Value::map();
        function.set("name", Value::untrusted(call.name));
        function.set("arguments", habits_.arguments_as_text ? Value::untrusted(to_json(call.arguments))
                                                            : as_untrusted(call.arguments));
        Value item = Value::map();
        if (!call.id.empty()) item.set("id", Value::untrusted(call.id));
        item.set("type", "function");
        item.set("function", std::move(function));
        calls.push_back(std::move(item));
      }
      entry.set("tool_calls", Value::list(std::move(calls)));
    }
    list.push_back(std::move(entry));
  }
  return Value::list(std::move(list));
}

Result<Value> TextModel::context(const ChatPrompt& prompt, const std::string& continuation) const {
  Value context = Value::map();
  if (prompt.template_arguments.is_map()) {
    for (const auto& [name, value] : prompt.template_arguments.as_map()) {
      if (std::find(std::begin(kReservedVariables), std::end(kReservedVariables), name) !=
          std::end(kReservedVariables)) {
        return fail(ErrorCategory::kInvalidArgument,
                    "the template argument \"{}\" cannot be set from outside", name);
      }
      HEARTH_CHECK_OK(check_names(value, "template arguments"));
      context.set(name, as_untrusted(value));
    }
  } else if (!prompt.template_arguments.is_none()) {
    return fail(ErrorCategory::kInvalidArgument,
                "the template arguments must be a mapping of names to values");
  }
  HEARTH_TRY(Value list, messages(prompt, continuation));
  context.set("messages", std::move(list));
  if (is_non_empty_list(prompt.tools)) {
    HEARTH_CHECK_OK(check_names(prompt.tools, "tools"));
    context.set("tools", as_untrusted(prompt.tools));
  } else if (!prompt.tools.is_none() && !prompt.tools.is_list()) {
    return fail(ErrorCategory::kInvalidArgument, "tools must be a list");
  }
  context.set("add_generation_prompt", prompt.add_generation_prompt);
  context.set("bos_token", bos_);
  context.set("eos_token", eos_);
  if (prompt.thinking) {
    // Templates call the switch by either name.
    context.set("enable_thinking", *prompt.thinking);
    context.set("thinking", *prompt.thinking);
  }
  return context;
}

Result<text::PromptText> TextModel::render(const ChatPrompt& prompt, int64_t now_unix_seconds) const {
  if (prompt.messages.empty()) {
    return fail(ErrorCategory::kInvalidArgument, "messages: at least one message is needed");
  }
  const bool continues = !prompt.add_generation_prompt && prompt.messages.back().role == "assistant";
  HEARTH_TRY(const Value variables, context(prompt, continues ? std::string(kContinuation) : std::string()));
  HEARTH_TRY(text::PromptText rendered,
             prompt.chat_template.empty() ? template_for(prompt).render(variables, now_unix_seconds)
                                          : render_given(prompt.chat_template, variables, now_unix_seconds));
  if (!continues) {
    // A template that opens reasoning whatever is asked for.
    const text::OutputSyntax& syntax = output_syntax(prompt);
    if (prompt.thinking == false && text::starts_in_reasoning(syntax, rendered)) {
      rendered.text += fmt::format("{}{}\n\n", rendered.text.ends_with('\n') ? "\n" : "",
                                   syntax.spell(text::Marker::kReasoningEnd));
    }
    return rendered;
  }

  const size_t end = rendered.text.rfind(kContinuation);
  if (end == std::string::npos) {
    return fail(ErrorCategory::kUnsupported,
                "this model's chat template cannot leave an assistant message open");
  }
  rendered.text.resize(end);
  while (!rendered.untrusted.empty() && rendered.untrusted.back().begin >= end) rendered.untrusted.pop_back();
  if (!rendered.untrusted.empty()) {
    rendered.untrusted.back().end = std::min(rendered.untrusted.back().end, end);
  }
  return rendered;
}

std::vector<text::TokenId> TextModel::encode_rendered(const text::PromptText& rendered) const {
  std::vector<text::TokenId> ids = tokenizer_->encode(rendered);
  const auto bos = tokenizer_->bos();
  if (bos && tokenizer_->adds_bos() && (ids.empty() || ids.front() != *bos)) ids.insert(ids.begin(), *bos);
  return ids;
}

Result<std::vector<text::TokenId>> TextModel::encode(const ChatPrompt& prompt) const {
  HEARTH_TRY(EncodedChat chat, encode_chat(prompt));
  return std::move(chat.ids);
}

Result<TextModel::EncodedChat> TextModel::encode_chat(const ChatPrompt& prompt) const {
  HEARTH_TRY(const text::PromptText rendered, render(prompt, unix_seconds_now()));
  EncodedChat chat{encode_rendered(rendered), text::starts_in_reasoning(output_syntax(prompt), rendered)};
  if (prompt.history.empty()) return chat;
  std::vector<text::TokenId>& ids = chat.ids;
  if (!ids.empty() && ids.front() == tokenizer_->bos()) ids.erase(ids.begin());  // the history has its own
  ids.insert(ids.begin(), prompt.history.begin(), prompt.history.end());
  return chat;
}

Result<std::vector<text::TokenId>> TextModel::encode(const TextPrompt& prompt) const {
  return tokenizer_->encode(prompt.text, {.add_special = true, .parse_special = prompt.parse_special});
}

}  // namespace hearth::serving
