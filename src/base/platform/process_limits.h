// What the system lets this process do.
#pragma once

#include <cstdint>

namespace hearth::platform {

// Raises the soft limit to the hard one (RLIMIT_NOFILE) where it is below `wanted`. The limit that holds now.
uint64_t raise_descriptor_limit(uint64_t wanted);

// A process that dies leaves no core file: its memory has what people wrote.
void disable_core_dumps();

}  // namespace hearth::platform
