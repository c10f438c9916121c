// Files that say who may come in: worth nothing where somebody else could have written them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace hearth::api {

// The whole file; nullopt when it is absent. kIo; kCorrupt for what is no regular file, is longer than 4 MiB,
// or can be written by other users.
Result<std::optional<std::string>> read_private_file(const std::filesystem::path& path);

}  // namespace hearth::api
