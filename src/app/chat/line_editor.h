// Lines typed at a terminal, with editing, history and pasting of several lines. The only user of libedit.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace hearth::app {

class LineEditor {
 public:
  enum class Outcome { kLine, kInterrupted, kEnd };
  struct Input {
    Outcome outcome = Outcome::kEnd;
    std::string line;  // without the newline at its end; a paste may have more inside
  };

  // On the process's standard input and output, which must be a terminal. `history_file` is read now and
  // written by remember(); for its owner only.
  static Result<std::unique_ptr<LineEditor>> create(std::filesystem::path history_file);
  ~LineEditor();

  // Ctrl-C gives kInterrupted (with an InterruptFlag in place), Ctrl-D on an empty line kEnd.
  Input read(const std::string& prompt);
  // Adds to the history. Best effort: a history that cannot be written is no reason to stop a chat.
  void remember(const std::string& text);

 private:
  struct State;
  explicit LineEditor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hearth::app
