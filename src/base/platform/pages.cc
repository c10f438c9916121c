#include "base/platform/pages.h"

#include <sys/mman.h>

namespace hearth::platform {

void use_small_pages([[maybe_unused]] void* address, [[maybe_unused]] size_t bytes) {
#ifdef MADV_NOHUGEPAGE
  madvise(address, bytes, MADV_NOHUGEPAGE);
#endif
}

}  // namespace hearth::platform
