// The commands of the program, in the order help lists them.
#pragma once

#include <span>

#include "app/command.h"

namespace hearth::app {

void add_serve(CLI::App& app, CommandLine& line);
void add_run(CLI::App& app, CommandLine& line);
void add_list(CLI::App& app, CommandLine& line);
void add_pull(CLI::App& app, CommandLine& line);
void add_push(CLI::App& app, CommandLine& line);
void add_ps(CLI::App& app, CommandLine& line);
void add_stop(CLI::App& app, CommandLine& line);
void add_show(CLI::App& app, CommandLine& line);
void add_import(CLI::App& app, CommandLine& line);
void add_cp(CLI::App& app, CommandLine& line);
void add_rm(CLI::App& app, CommandLine& line);
void add_tokenize(CLI::App& app, CommandLine& line);
void add_template(CLI::App& app, CommandLine& line);
void add_eval(CLI::App& app, CommandLine& line);
void add_quantize(CLI::App& app, CommandLine& line);
void add_convert(CLI::App& app, CommandLine& line);
void add_imatrix(CLI::App& app, CommandLine& line);
void add_bench(CLI::App& app, CommandLine& line);
void add_create(CLI::App& app, CommandLine& line);
void add_fit(CLI::App& app, CommandLine& line);
void add_doctor(CLI::App& app, CommandLine& line);
void add_key(CLI::App& app, CommandLine& line);

std::span<const AddCommand> all_commands();

}  // namespace hearth::app
