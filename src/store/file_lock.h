// Turns between processes, by flock(2) on a file that has no other purpose. A process that dies lets go.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"

namespace hearth::store {

class FileLock {
 public:
  enum class Kind { kShared, kExclusive };

  // Waits for its turn. The file is made if need be; its folder must exist. kIo.
  static Result<FileLock> wait(const std::filesystem::path& path, Kind kind);
  // Does not wait: nullopt where others are in the way.
  static Result<std::optional<FileLock>> attempt(const std::filesystem::path& path, Kind kind);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace hearth::store
