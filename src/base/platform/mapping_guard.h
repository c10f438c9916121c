// Keeps the process alive when pages of a mapped file vanish (SIGBUS). See base/mapped_file.h.
#pragma once

#include <atomic>
#include <cstddef>

namespace hearth::platform {

// Registers [address, address + length): a SIGBUS inside it maps zero pages over the lost range's page and
// sets *damaged. At most kMaxGuardedMappings at once; false when the table is full (the mapping then works
// without the guard). Thread-safe.
inline constexpr int kMaxGuardedMappings = 1024;
bool guard_mapping(void* address, size_t length, std::atomic<bool>* damaged);
void release_mapping(void* address);

}  // namespace hearth::platform
