#include "app/chat/terminal_chat.h"

#include <utility>

#include "app/chat/chat_input.h"
#include "app/terminal_text.h"

namespace hearth::app {
namespace {

using serving::ChatMessage;
using serving::FinishReason;

constexpr double kPatienceSeconds = 1;
constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kNormal = "\x1b[0m";

ChatMessage message(std::string role, std::string content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

}  // namespace

Answer print_answer(serving::TokenStream stream, const Environment& environment, bool show_reasoning,
                    std::function<bool()> wants_stop) {
  bool waiting_shown = false;
  const auto erase_waiting = [&] {
    if (!waiting_shown) return;
    std::fwrite(kEraseLine.data(), 1, kEraseLine.size(), environment.err);
    std::fflush(environment.err);
    waiting_shown = false;
  };
  AnswerWatcher watcher;
  watcher.wants_stop = std::move(wants_stop);
  bool thinks = false;
  bool dimmed = false;
  const auto undim = [&](std::string_view gap) {
    if (!std::exchange(dimmed, false)) return;
    environment.print(kNormal);
    environment.print(gap);
  };
  watcher.on_reasoning = [&](std::string_view text) {
    thinks = true;
    if (!show_reasoning || !environment.out_is_terminal) return;
    erase_waiting();
    if (!std::exchange(dimmed, true)) environment.print(kDim);
    environment.print_untrusted(text);
    std::fflush(environment.out);
  };
  watcher.on_text = [&](std::string_view text) {
    erase_waiting();
    undim("\n\n");
    environment.print_untrusted(text);
    std::fflush(environment.out);
  };
  if (environment.err_is_terminal && environment.out_is_terminal) {
    watcher.on_waiting = [&](double seconds) {
      if (seconds < kPatienceSeconds || dimmed) return;
      waiting_shown = true;
      const std::string line = fmt::format("{}{}, {}", kEraseLine, thinks ? "thinking" : "reading the prompt",
                                           human_duration(seconds));
      std::fwrite(line.data(), 1, line.size(), environment.err);
      std::fflush(environment.err);
    };
  }
  Answer answer = take_answer(std::move(stream), watcher);
  erase_waiting();
  undim("\n");
  return answer;
}

std::string cut_note(const serving::GenerationEnd& end, const std::optional<int64_t>& max_tokens,
                     int64_t context_length) {
  if (end.reason != FinishReason::kLength) return {};
  if (max_tokens && end.usage.completion_tokens >= *max_tokens) {
    return fmt::format("the answer ends here: max_tokens is {}", *max_tokens);
  }
  return fmt::format("the answer ends here: the context of {} tokens is full", context_length);
}

TerminalChat::TerminalChat(ChatModel model, Conversation conversation, View view,
                           const Environment& environment, std::filesystem::path data_dir)
    : model_(std::move(model)),
      conversation_(std::move(conversation)),
      view_(view),
      environment_(environment),
      data_dir_(std::move(data_dir)) {}

void TerminalChat::note(std::string_view text) const {
  environment_.print(text);
  if (!text.ends_with('\n')) environment_.print("\n");
  std::fflush(environment_.out);
}

Status TerminalChat::run() {
  HEARTH_TRY(const std::unique_ptr<LineEditor> editor, LineEditor::create(data_dir_ / "history"));
  note(fmt::format("{}, context of {} tokens. /help shows what can be typed, Ctrl-D leaves.",
                   visible_line(model_.card.name), model_.context_length));
  if (model_.chat_template.empty()) {
    note("This model carries no chat template, so it may not have been made for chats.");
  }
  MessageAssembler assembler;
  while (true) {
    const LineEditor::Input input = editor->read(assembler.open() ? "... " : ">>> ");
    if (input.outcome == LineEditor::Outcome::kEnd) return {};
    if (input.outcome == LineEditor::Outcome::kInterrupted) {
      interrupt_.take();
      if (!assembler.open()) note("Ctrl-D or /bye leaves.");
      assembler.reset();
      continue;
    }
    const auto text = assembler.add_line(input.line);
    if (!text || text->find_first_not_of(" \t\r\n") == std::string::npos) continue;
    editor->remember(*text);
    if (handle(*text) == Next::kLeave) return {};
  }
}

TerminalChat::Next TerminalChat::handle(const std::string& text) {
  using Kind = ChatCommand::Kind;
  const auto command = parse_chat_command(text);
  if (!command) {
    note(visible_line(command.error().message));
    return Next::kGoOn;
  }
  switch (command->kind) {
    case Kind::kMessage:
      talk(command->value);
      break;
    case Kind::kHelp:
      note(chat_help());
      break;
    case Kind::kBye:
      return Next::kLeave;
    case Kind::kClear:
      conversation_.messages.clear();
      note("Started over.");
      break;
    case Kind::kShow:
      show(command->name);
      break;
    case Kind::kSetParameter:
      set_parameter(command->name, command->value);
      break;
    case Kind::kSetSystem:
      conversation_.system = command->value;
      note(conversation_.system.empty() ? "No system text." : "System text set.");
      break;
    case Kind::kSetThinking:
      conversation_.thinking = command->on;
      note(model_.card.capabilities.thinking ? (command->on ? "Thinking is on." : "Thinking is off.")
                                             : "Set, but this model's template knows no thinking.");
      break;
    case Kind::kSave:
      save(command->name);
      break;
    case Kind::kLoad:
      load(command->name);
      break;
  }
  return Next::kGoOn;
}

void TerminalChat::talk(const std::string& text) {
  interrupt_.take();
  conversation_.messages.push_back(message("user", text));
  auto stream = model_.service->generate(conversation_.request(model_.name));
  Answer answer;
  if (stream) {
    answer = print_answer(*std::move(stream), environment_, view_.show_reasoning,
                          [this] { return interrupt_.take(); });
  } else {
    answer.error = std::move(stream).error();
  }
  finish_turn(std::move(answer));
}

void TerminalChat::finish_turn(Answer answer) {
  if (!answer.text.empty()) note(answer.text.ends_with('\n') ? "" : "\n\n");
  if (answer.error && !answer.stopped) {
    if (answer.error->category == ErrorCategory::kContextExceeded) {
      note(fmt::format(
          "This chat no longer fits the model's context: {}. /clear starts over, /save NAME keeps it.",
          visible_line(answer.error->message)));
    } else {
      note(visible_line(answer.error->message));
    }
  }
  if (answer.text.empty() && (answer.stopped || !answer.end)) {
    conversation_.messages.pop_back();  // as if it had not been asked
    if (answer.stopped) note("Stopped.");
    return;
  }
  ChatMessage& said = conversation_.messages.emplace_back(message("assistant", std::move(answer.text)));
  said.reasoning = std::move(answer.reasoning);
  if (!answer.end) return;
  if (const std::string cut =
          cut_note(*answer.end, conversation_.parameters.max_tokens, model_.context_length);
      !cut.empty()) {
    note(fmt::format("({})", cut));
  }
  if (view_.verbose) note(fmt::format("({})", timing_line(*answer.end)));
}

void TerminalChat::show(const std::string& what) const {
  if (what == "system") {
    note(conversation_.system.empty() ? "No system text." : visible_text(conversation_.system));
  } else if (what == "template") {
    note(model_.chat_template.empty() ? "This model carries no chat template; chats are written in ChatML."
                                      : visible_text(model_.chat_template));
  } else if (what == "parameters") {
    const auto list = list_parameters(conversation_.parameters);
    if (list.empty()) note("Nothing is set; the model's own values are used.");
    for (const auto& [name, value] : list) note(fmt::format("{:<20} {}", name, visible_line(value)));
  } else {
    const serving::ModelCard& card = model_.card;
    note(fmt::format(
        "{:<15} {}\n{:<15} {}\n{:<15} {} in {}, mostly {}\n{:<15} {} of {} tokens\n{:<15} {} messages",
        "model", visible_line(card.name), "architecture", visible_line(card.architecture), "size",
        human_count(card.parameters), human_bytes(card.size_bytes), card.main_type(), "context",
        model_.context_length, card.context_length.value_or(0), "this chat", conversation_.messages.size()));
  }
}

void TerminalChat::set_parameter(const std::string& name, const std::string& value) {
  const Status set = app::set_parameter(conversation_.parameters, name, value);
  note(set ? fmt::format("{} is set to {}.", visible_line(name), visible_line(value))
           : visible_line(set.error().message));
}

void TerminalChat::save(const std::string& name) const {
  const auto path = conversation_path(data_dir_, name);
  const Status saved = path ? save_conversation(conversation_, *path) : propagate(path.error());
  note(saved ? fmt::format("Saved as {}.", visible_line(path->string()))
             : fmt::format("Not saved: {}. The chat goes on.", visible_line(saved.error().message)));
}

void TerminalChat::load(const std::string& name) {
  if (name.empty()) {
    const auto names = saved_conversations(data_dir_);
    if (names.empty()) note("There are no saved chats.");
    for (const std::string& saved : names) note(visible_line(saved));
    return;
  }
  const auto path = conversation_path(data_dir_, name);
  auto loaded = path ? load_conversation(*path) : propagate(path.error());
  if (!loaded) {
    note(fmt::format("Not loaded: {}.", visible_line(loaded.error().message)));
    return;
  }
  const std::string previous = std::exchange(conversation_, *std::move(loaded)).model;
  note(fmt::format("Loaded {} messages.", conversation_.messages.size()));
  if (conversation_.model != previous) {
    note(fmt::format("It was held with {}.", visible_line(conversation_.model)));
  }
  conversation_.model = previous;
  for (const ChatMessage& said : conversation_.messages) {
    note(fmt::format("{}{}", said.role == "user" ? ">>> " : "", visible_text(said.content)));
  }
}

}  // namespace hearth::app
