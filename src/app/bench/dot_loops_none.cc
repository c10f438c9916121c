#include "app/bench/dot_loops.h"

namespace hearth::app {

std::span<const DotLoop> dot_loops() {
  return {};
}

}  // namespace hearth::app
