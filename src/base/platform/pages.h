// The size of memory pages.
#pragma once

#include <cstddef>

namespace hearth::platform {

// Asks for pages of the processor's smallest size, in place of huge ones, for memory that has not been
// touched yet. Where the system knows no such wish the pages are what they are.
void use_small_pages(void* address, size_t bytes);

}  // namespace hearth::platform
