#include "app/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "app/commands/commands.h"
#include "app/terminal_text.h"
#include "app/version.h"

namespace hearth::app {
namespace {

int exit_code(ErrorCategory category) {
  return error_codes(category).exit_code;
}

int report(const Environment& environment, const Error& error) {
  environment.say(error.message);
  return exit_code(error.category);
}

// The first line of the library's message, as part of a sentence.
std::string sentence_of(const CLI::ParseError& error) {
  std::string text = error.what();
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

const CLI::App& chosen(const CLI::App& app) {
  const auto subcommands = app.get_subcommands();
  return subcommands.empty() ? app : *subcommands.front();
}

int parse_failed(const Environment& environment, const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {  // --help, --version
    if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
      environment.print(fmt::format("{}\n", error.what()));
    } else {
      environment.print(app.help());
    }
    return 0;
  }
  const CLI::App& command = chosen(app);
  if (&command == &app && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::string sentence = sentence_of(error);
    const size_t word = sentence.rfind(": ");
    environment.say(fmt::format("there is no command \"{}\"; hearth --help lists them",
                                word == std::string::npos ? sentence : sentence.substr(word + 2)));
    return exit_code(ErrorCategory::kInvalidArgument);
  }
  const std::string name = &command == &app ? "hearth" : "hearth " + command.get_name();
  environment.say(fmt::format("{} ({} --help lists what there is)", sentence_of(error), name));
  return exit_code(ErrorCategory::kInvalidArgument);
}

int run_action(const CommandLine& line, Environment& environment) {
  try {
    const Status done = line.action(environment);
    if (std::fflush(environment.out) != 0 || std::ferror(environment.out) != 0) {
      return report(environment, Error{ErrorCategory::kIo,
                                       fmt::format("cannot write the output: {}", std::strerror(errno))});
    }
    return done ? 0 : report(environment, done.error());
  } catch (const std::bad_alloc&) {
    return report(environment, Error{ErrorCategory::kOverloaded, "not enough memory"});
  } catch (const std::exception& error) {
    return report(environment,
                  Error{ErrorCategory::kInternal, fmt::format("internal error: {}", error.what())});
  }
}

}  // namespace

void Environment::print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), out);
}

void Environment::print_untrusted(std::string_view text) const {
  print(out_is_terminal ? visible_text(text) : std::string(text));
}

void Environment::say(std::string_view sentence) const {
  std::fflush(out);
  const std::string line = fmt::format("hearth: {}\n", visible_text(sentence));
  std::fwrite(line.data(), 1, line.size(), err);
  std::fflush(err);
}

Result<std::string> Environment::read_input(size_t max_bytes) const {
  std::string text;
  char buffer[65536];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, in)) {
    text.append(buffer, n);
    if (text.size() > max_bytes) {
      return fail(ErrorCategory::kInvalidArgument, "standard input has more than {}", human_bytes(max_bytes));
    }
  }
  if (std::ferror(in) != 0) {
    return fail(ErrorCategory::kIo, "cannot read standard input: {}", std::strerror(errno));
  }
  return text;
}

void add_setting_flag(CLI::App& command, SettingFlags& flags, const std::string& flag, const std::string& key,
                      const std::string& description) {
  command
      .add_option_function<std::string>(
          flag, [&flags, key](const std::string& value) { flags[key] = {value}; }, description)
      ->take_last();
}

int run_program(int argc, const char* const* argv, Environment& environment) {
  CLI::App app("Hearth: private AI on your own machine.", "hearth");
  app.set_version_flag("--version", fmt::format("hearth {}", kVersion));
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  CommandLine line;
  for (const AddCommand add : all_commands()) add(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parse_failed(environment, app, error);
  }
  if (!line.action) {
    environment.print(app.help());
    return 0;
  }
  return run_action(line, environment);
}

}  // namespace hearth::app
