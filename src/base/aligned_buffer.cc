#include "base/aligned_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "base/checked.h"

namespace hearth {
namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

Result<AlignedBuffer> AlignedBuffer::create(size_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  const size_t alignment = bytes >= kHugePage ? kHugePage : 4096;
  const auto padded = checked_add(bytes, alignment);
  void* base = padded ? mmap(nullptr, *padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                      : MAP_FAILED;
  if (base == MAP_FAILED)
    return fail(ErrorCategory::kOverloaded, "cannot allocate {} bytes of memory", bytes);
  const uintptr_t aligned = align_up(reinterpret_cast<uintptr_t>(base), alignment);
  buffer.base_ = base;
  buffer.mapped_ = *padded;
  buffer.data_ = reinterpret_cast<std::byte*>(aligned);
  buffer.size_ = bytes;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(buffer.data_, bytes, MADV_HUGEPAGE);
#endif
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (base_ != nullptr) munmap(base_, mapped_);
}

void AlignedBuffer::discard(size_t offset, size_t length) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = align_up(offset, page);
  const size_t end = (offset + length) & ~(page - 1);
  if (begin < end) madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace hearth
