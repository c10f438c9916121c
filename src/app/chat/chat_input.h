// What was typed: whole messages out of lines, and commands out of messages. Pure functions of their input.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::app {

// Puts lines together: text between """ and """ is one message, whatever lines it has. The quotes may open at
// the start of a line or after "/set system ".
class MessageAssembler {
 public:
  // The whole message, once this line completes it.
  std::optional<std::string> add_line(std::string_view line);
  bool open() const { return open_; }  // inside """
  void reset();

 private:
  bool open_ = false;
  std::string prefix_;  // "/set system "
  std::vector<std::string> lines_;
};

struct ChatCommand {
  enum class Kind {
    kMessage,
    kHelp,
    kBye,
    kClear,
    kShow,
    kSetParameter,
    kSetSystem,
    kSetThinking,
    kSave,
    kLoad
  };
  Kind kind = Kind::kMessage;
  std::string name;   // of the parameter, of what is shown, of the chat
  std::string value;  // of the parameter; the system text; the message
  bool on = false;    // thinking
};

// A text that starts with '/' and a known word is a command. kInvalidArgument: an unknown command, or what a
// known one lacks.
Result<ChatCommand> parse_chat_command(std::string_view text);

std::string_view chat_help();

}  // namespace hearth::app
