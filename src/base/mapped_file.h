// A whole regular file, mapped read-only and shared with the page cache.
//
// If the file is cut short while mapped, touching a lost page would kill the process (SIGBUS). Instead the
// lost pages read as zeros from then on and damaged() turns true; whoever computes on the mapping checks it
// after each unit of work and reports an error.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/function_ref.h"
#include "base/result.h"

namespace hearth {

class MappedFile {
 public:
  // Errors: kNotFound; kInvalidArgument for anything but a regular file; kIo. An empty file maps to no bytes.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const;
  const std::filesystem::path& path() const;

  // True once a page was found missing. Thread-safe.
  bool damaged() const;

  // Brings [offset, offset + length) into memory and into the page tables, on the calling thread.
  // Best effort: a system that cannot do it ahead of time does it on first touch.
  void populate(size_t offset, size_t length) const;

 private:
  struct State;
  explicit MappedFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hearth
