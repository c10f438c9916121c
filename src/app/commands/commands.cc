#include "app/commands/commands.h"

namespace hearth::app {
namespace {

constexpr AddCommand kCommands[] = {
    add_serve,   add_run,     add_list,  add_pull, add_push,     add_ps,       add_stop, add_show,
    add_import,  add_create,  add_cp,    add_rm,   add_tokenize, add_template, add_eval, add_quantize,
    add_convert, add_imatrix, add_bench, add_fit,  add_doctor,   add_key,
};

}  // namespace

std::span<const AddCommand> all_commands() {
  return kCommands;
}

}  // namespace hearth::app
