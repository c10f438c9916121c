// Folders that are there and cannot be read, so that what is in them does not pass for nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hearth::store {

struct Unreadable {
  std::filesystem::path path;  // what stands in the way: the folder, or one above it
  std::string why;             // as the system says it: "Permission denied"
};

// Looks at `folder` and at the folders `depth` levels below it. What does not exist or is no folder is fine.
// Each path once.
std::vector<Unreadable> find_unreadable(const std::filesystem::path& folder, int depth);

}  // namespace hearth::store
