// Memory aligned for vector loads and, when large, for huge pages. Zero-filled; pages are taken from the
// system on first touch.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace hearth {

class AlignedBuffer {
 public:
  // Errors: kOverloaded when the system has no address space or memory left.
  static Result<AlignedBuffer> create(size_t bytes);

  AlignedBuffer() = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~AlignedBuffer();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

  // Gives the pages of [offset, offset + length) back to the system; they read as zeros afterwards.
  void discard(size_t offset, size_t length);

 private:
  void swap(AlignedBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(base_, other.base_);
    std::swap(mapped_, other.mapped_);
  }

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* base_ = nullptr;
  size_t mapped_ = 0;
};

}  // namespace hearth
