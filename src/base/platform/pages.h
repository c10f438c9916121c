// The size of memory pages.
#pragma once

#include <cstddef>
#include <string>

namespace hearth::platform {

// When the system gives huge pages to a program that asks for them: "always", "madvise" or "never"; empty
// where it does not say.
std::string huge_page_policy();

// Takes a file's pages out of the mapping; they come back when they are touched. What other programs map stays.
void drop_mapped_pages(const void* address, size_t bytes);

// Asks for pages of the processor's smallest size, in place of huge ones, for memory that has not been
// touched yet. Where the system knows no such wish the pages are what they are.
void use_small_pages(void* address, size_t bytes);

}  // namespace hearth::platform
