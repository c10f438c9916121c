#include "store/unreadable.h"

#include <algorithm>
#include <system_error>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

// The folder itself where its parents let one see it.
fs::path obstacle(fs::path path) {
  std::error_code error;
  while (!fs::exists(fs::symlink_status(path, error)) && path.has_parent_path() &&
         path != path.parent_path()) {
    path = path.parent_path();
  }
  return path;
}

void look_into(const fs::path& folder, int depth, std::vector<Unreadable>& found) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (depth > 0) look_into(at->path(), depth - 1, found);
  }
  if (!error || error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return;
  fs::path path = obstacle(folder);
  const auto is_it = [&](const Unreadable& other) { return other.path == path; };
  if (std::none_of(found.begin(), found.end(), is_it)) found.push_back({std::move(path), error.message()});
}

}  // namespace

std::vector<Unreadable> find_unreadable(const fs::path& folder, int depth) {
  std::vector<Unreadable> found;
  look_into(folder, depth, found);
  return found;
}

}  // namespace hearth::store
