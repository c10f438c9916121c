// GGUF models in a tree of folders that belongs to somebody else.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::store {

struct FolderModel {
  std::string name;                          // of the file, without ".gguf" and the number of its shard
  std::vector<std::filesystem::path> files;  // all shards in order
  std::string problem;                       // shards that are missing; or empty
  std::filesystem::path root{};              // the folder that was searched; empty: none was
};

// The models under `folder` by their paths, at most 6 folders deep and 10,000 files in all, without those
// that only go with another one (projectors of images). The ending may be in any case. Links to files are
// followed, links to folders are not. A folder that does not exist has none.
std::vector<FolderModel> list_gguf_models(const std::filesystem::path& folder);

// The same, remembered from call to call: the folders are searched again only where one of them has changed,
// that is where files came or went. Thread-safe.
class GgufFolder {
 public:
  explicit GgufFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::vector<FolderModel> models() const;

 private:
  struct Stamp {
    std::filesystem::path folder;
    std::filesystem::file_time_type modified;
  };
  bool unchanged() const;

  const std::filesystem::path path_;
  mutable std::mutex mutex_;
  mutable std::vector<FolderModel> models_;  // as of the last search
  mutable std::vector<Stamp> stamps_;  // of all folders that were searched; none: not yet, or to be repeated
};

// Makes names of models (ModelName) of those of the files, each a different one in any case: the first file
// of a name keeps it, a later one gets the folders it is in before it ("publisher-repository/model"), and the
// beginning of a digest of its path where that is taken too. A file that is met twice, as another link or
// under two roots, counts once.
void give_distinct_names(std::vector<FolderModel>& models);

// The model that a file is, or is a shard of. kNotFound; kInvalidArgument where it is no ".gguf" file.
Result<FolderModel> gguf_model_at(const std::filesystem::path& file);

}  // namespace hearth::store
