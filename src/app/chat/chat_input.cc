#include "app/chat/chat_input.h"

#include <algorithm>

namespace hearth::app {
namespace {

using Kind = ChatCommand::Kind;

constexpr std::string_view kQuotes = "\"\"\"";
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kSetSystem = "/set system ";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Takes the first word off `text`.
std::string_view next_word(std::string_view& text) {
  text = trimmed(text);
  const std::string_view word = text.substr(0, text.find_first_of(kSpace));
  text = trimmed(text.substr(word.size()));
  return word;
}

template <typename... Args>
tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kInvalidArgument, format, std::forward<Args>(args)...);
}

ChatCommand command(Kind kind, std::string_view name = {}, std::string_view value = {}) {
  return {kind, std::string(name), std::string(value), false};
}

Result<ChatCommand> parse_set(std::string_view rest) {
  const std::string_view what = next_word(rest);
  if (what == "parameter") {
    const std::string_view name = next_word(rest);
    if (name.empty() || rest.empty()) return invalid("usage: /set parameter NAME VALUE (or \"default\")");
    return command(Kind::kSetParameter, name, rest);
  }
  if (what == "system") return command(Kind::kSetSystem, {}, rest);
  if ((what == "think" || what == "nothink") && rest.empty()) {
    ChatCommand result = command(Kind::kSetThinking);
    result.on = what == "think";
    return result;
  }
  return invalid("usage: /set parameter NAME VALUE, /set system TEXT, /set think or /set nothink");
}

Result<ChatCommand> parse_show(std::string_view rest) {
  constexpr std::string_view kThings[] = {"info", "parameters", "system", "template"};
  if (rest.empty()) return command(Kind::kShow, "info");
  if (std::find(std::begin(kThings), std::end(kThings), rest) == std::end(kThings)) {
    return invalid("usage: /show info, /show parameters, /show system or /show template");
  }
  return command(Kind::kShow, rest);
}

}  // namespace

std::optional<std::string> MessageAssembler::add_line(std::string_view line) {
  if (!open_) {
    const std::string_view before = line.starts_with(kSetSystem) ? kSetSystem : std::string_view();
    const std::string_view rest = line.substr(before.size());
    if (!rest.starts_with(kQuotes)) return std::string(line);
    reset();
    open_ = true;
    prefix_ = std::string(before);
    line = rest.substr(kQuotes.size());
  }
  const size_t end = line.find(kQuotes);
  if (end == std::string_view::npos) {
    lines_.emplace_back(line);
    return std::nullopt;
  }
  // What follows the closing quotes on their line still belongs to the message.
  lines_.push_back(fmt::format("{}{}", line.substr(0, end), line.substr(end + kQuotes.size())));
  // Quotes on lines of their own add no empty lines.
  if (lines_.size() > 1 && lines_.back().empty()) lines_.pop_back();
  if (lines_.size() > 1 && lines_.front().empty()) lines_.erase(lines_.begin());
  std::string whole = fmt::format("{}{}", prefix_, fmt::join(lines_, "\n"));
  reset();
  return whole;
}

void MessageAssembler::reset() {
  open_ = false;
  prefix_.clear();
  lines_.clear();
}

Result<ChatCommand> parse_chat_command(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (!rest.starts_with('/')) return command(Kind::kMessage, {}, text);
  const std::string_view word = next_word(rest);
  if (word == "/help" || word == "/?") return command(Kind::kHelp);
  if (word == "/bye" || word == "/exit" || word == "/quit") return command(Kind::kBye);
  if (word == "/clear") return command(Kind::kClear);
  if (word == "/set") return parse_set(rest);
  if (word == "/show") return parse_show(rest);
  if (word == "/save") {
    if (rest.empty()) return invalid("usage: /save NAME");
    return command(Kind::kSave, rest);
  }
  if (word == "/load") return command(Kind::kLoad, rest);
  // Paths and the like are messages; a lone word after the slash is a mistyped command.
  if (word.find('/', 1) != std::string_view::npos) return command(Kind::kMessage, {}, text);
  return invalid("{} is not a command; /help lists them", word);
}

std::string_view chat_help() {
  return R"(/set parameter NAME VALUE   temperature, top_k, top_p, min_p, seed, max_tokens, stop, ...
/set system TEXT            tell the model how to behave
/set think, /set nothink    let the model think first, or not
/show info                  the model (also: parameters, system, template)
/save NAME                  keep this chat in a file
/load NAME                  go on with a saved chat; /load alone lists them
/clear                      start over
/bye                        leave; so does Ctrl-D
"""                         starts and ends a message of several lines
Ctrl-C                      stops an answer
)";
}

}  // namespace hearth::app
