// Replaces a file as a whole: whoever reads it, also after a crash, sees the old bytes or the new ones.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace hearth {

// Writes a neighbour, syncs it, renames it over `path` and syncs the folder. The folder is created if need
// be; the file is for its owner only. kIo says what the system said; the old file is then as it was.
Status write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace hearth
