// What tells a file that was replaced or rewritten from the one that was read.
#pragma once

#include <cstdint>
#include <filesystem>

namespace hearth::api {

struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = -1;  // -1: there is no file
  int64_t modified_ns = 0;

  // Links are followed.
  static FileStamp of(const std::filesystem::path& path);
  bool operator==(const FileStamp&) const = default;
};

}  // namespace hearth::api
