// What a command gets and how it is registered. A command is one file in commands/: it adds its subcommand
// with its flags, and leaves behind what is to be run when the user chose it.
#pragma once

#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "app/settings.h"
#include "base/result.h"

namespace CLI {
class App;
}
namespace hearth::api::page {
struct Asset;
}

namespace hearth::app {

// The process as commands see it.
struct Environment {
  EnvironmentLookup variables;
  std::FILE* in = stdin;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::span<const api::page::Asset> page;  // the chat page's files, as far as they are built in

  // To standard output as it is; the program's end reports a failed write.
  void print(std::string_view text) const;
  // The same for text from a file or a model: control characters are escaped if a terminal shows it.
  void print_untrusted(std::string_view text) const;
  // A sentence for the person, on standard error: "hearth: ...".
  void say(std::string_view sentence) const;
  // All of standard input; kInvalidArgument beyond `max_bytes`.
  Result<std::string> read_input(size_t max_bytes = size_t{64} << 20) const;
};

// What the command line chose.
struct CommandLine {
  std::function<Status(Environment&)> action;
};

using AddCommand = void (*)(CLI::App& app, CommandLine& line);

// Runs the program: parses, runs the command, reports the error. The result is the process's exit code.
int run_program(int argc, const char* const* argv, Environment& environment);

// Flags that are settings: fills `flags` under their keys.
void add_setting_flag(CLI::App& command, SettingFlags& flags, const std::string& flag, const std::string& key,
                      const std::string& description);

}  // namespace hearth::app
