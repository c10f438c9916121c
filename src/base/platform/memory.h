// How much memory this process could still use.
#pragma once

#include <cstdint>

namespace hearth::platform {

struct MemoryState {
  uint64_t total_bytes = 0;      // of the machine or its control group, whichever is less; 0 = not known
  uint64_t available_bytes = 0;  // without pushing others out; page cache counts as available
};
MemoryState memory_state();

}  // namespace hearth::platform
