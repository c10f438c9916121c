// A folder of files by the name of a model: FOLDER/HOST/SPACE/MODEL/TAG.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "store/model_name.h"

namespace hearth::store {

struct NamedFile {
  ModelName name;
  std::filesystem::path path;
};

// All files whose place is a name; others are passed over. A folder that cannot be read has none.
std::vector<NamedFile> list_named_files(const std::filesystem::path& folder);

// The file of that name, with the spelling it has on disk.
std::optional<NamedFile> find_named_file(const std::filesystem::path& folder, const ModelName& name);

// Removes the file and the folders that are empty then. False if it was not there.
Result<bool> remove_named_file(const std::filesystem::path& folder, const ModelName& name);

}  // namespace hearth::store
