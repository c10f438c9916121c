// How many files and sockets this process may have open.
#pragma once

#include <cstdint>

namespace hearth::platform {

// Raises the soft limit to the hard one (RLIMIT_NOFILE) where it is below `wanted`. The limit that holds now.
uint64_t raise_descriptor_limit(uint64_t wanted);

}  // namespace hearth::platform
