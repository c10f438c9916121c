// What the store remembers of a model whose files stay where they are: their places, and by what it would
// notice that they have changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::store {

struct ImportRecord {
  struct File {
    std::filesystem::path path;
    uint64_t bytes = 0;
    int64_t modified_ns = 0;  // since the epoch of the file system's clock
  };
  std::vector<File> files;

  // kIo, kNotFound.
  static Result<ImportRecord> of(const std::vector<std::filesystem::path>& files);
  static Result<ImportRecord> parse(std::string_view json);  // kCorrupt
  std::string to_json() const;

  // Which file is missing or not the one that was imported, a sentence; empty: none.
  std::string problem() const;
};

}  // namespace hearth::store
