// How much memory this process could use, and how much it does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hearth::platform {

struct MemoryState {
  uint64_t total_bytes = 0;      // of the machine or its control group, whichever is less; 0 = not known
  uint64_t available_bytes = 0;  // without pushing others out; page cache counts as available
  uint64_t machine_bytes = 0;    // of the machine alone
  std::optional<uint64_t> group_limit_bytes;  // the tightest limit of the control groups
};
MemoryState memory_state();

// What control groups allow this process.
struct GroupMemory {
  uint64_t limit_bytes = 0;  // the least on the way up
  uint64_t available_bytes =
      0;  // below every limit on the way up; page cache that can be dropped is available
};
// nullopt without a limit. A group is bound by those above it too. `mount` is where the hierarchies are
// ("/sys/fs/cgroup"), `membership` says which groups the process is in ("/proc/self/cgroup"). Versions 1 and
// 2 (cgroups(7)).
std::optional<GroupMemory> control_group_memory(const std::string& mount, const std::string& membership);

// Of this process, resident.
struct ProcessMemory {
  uint64_t anonymous_bytes = 0;  // its own: caches, activations, heap
  uint64_t file_bytes = 0;       // mapped files: weights, and the program itself
};
ProcessMemory process_memory();

}  // namespace hearth::platform
