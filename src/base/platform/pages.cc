#include "base/platform/pages.h"

#include <sys/mman.h>

#include <fstream>

namespace hearth::platform {

std::string huge_page_policy() {
  // "always [madvise] never"
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  for (std::string word; file >> word;) {
    if (word.size() > 2 && word.front() == '[' && word.back() == ']') return word.substr(1, word.size() - 2);
  }
  return {};
}

void drop_mapped_pages(const void* address, size_t bytes) {
  if (bytes > 0) madvise(const_cast<void*>(address), bytes, MADV_DONTNEED);
}

void use_small_pages([[maybe_unused]] void* address, [[maybe_unused]] size_t bytes) {
#ifdef MADV_NOHUGEPAGE
  madvise(address, bytes, MADV_NOHUGEPAGE);
#endif
}

}  // namespace hearth::platform
