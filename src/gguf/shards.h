// How a model is spread over files: PREFIX-00001-of-0000N.gguf, and the split.* keys inside each. The ending
// may be in any case.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "gguf/model_file.h"

namespace hearth::gguf {

struct ShardName {
  std::string prefix;  // without folder
  uint64_t number;     // from 1
  uint64_t count;
  std::string ending = ".gguf";  // as it is written

  std::string file_name(uint64_t shard_number) const;
};

bool has_gguf_ending(const std::filesystem::path& path);

// nullopt where the file name does not follow the pattern.
std::optional<ShardName> parse_shard_name(const std::filesystem::path& path);

struct SplitKeys {
  uint64_t number;  // from 0
  uint64_t count;
  std::optional<uint64_t> n_tensors;  // of all shards
};

// nullopt for a model in one file (no split.count, or a count of 0 or 1).
Result<std::optional<SplitKeys>> read_split_keys(const Metadata& metadata);

}  // namespace hearth::gguf
