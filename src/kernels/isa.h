// The instruction sets this binary was built with. One of isa_x86_64.cc, isa_aarch64.cc and isa_none.cc is
// compiled, chosen by CMake.
#pragma once

#include <span>
#include <string_view>

#include "kernels/kernels.h"

namespace hearth::kernels {

struct Isa {
  std::string_view name;
  bool (*supported)();            // by this processor and operating system
  void (*install)(KernelTable&);  // replaces the entries of a table that it computes faster
};

// Best first.
std::span<const Isa> compiled_isas();

}  // namespace hearth::kernels
