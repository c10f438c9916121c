#include "store/manifest_tree.h"

#include <strings.h>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!at->path().filename().string().starts_with('.')) entries.push_back(at->path());
  }
  return entries;
}

bool same_spelling(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::vector<NamedFile> list_named_files(const fs::path& folder) {
  std::vector<NamedFile> files;
  for (const fs::path& host : entries_of(folder)) {
    for (const fs::path& space : entries_of(host)) {
      for (const fs::path& model : entries_of(space)) {
        for (const fs::path& tag : entries_of(model)) {
          std::error_code error;
          if (!fs::is_regular_file(tag, error)) continue;
          const std::string text = host.filename().string() + "/" + space.filename().string() + "/" +
                                   model.filename().string() + ":" + tag.filename().string();
          if (Result<ModelName> name = ModelName::parse(text)) files.push_back({std::move(*name), tag});
        }
      }
    }
  }
  return files;
}

std::optional<NamedFile> find_named_file(const fs::path& folder, const ModelName& name) {
  std::error_code error;
  if (fs::path exact = folder / name.path(); fs::is_regular_file(exact, error)) return NamedFile{name, exact};
  // In another spelling: only folders whose names mean the same are looked into.
  std::vector<fs::path> places = {folder};
  for (const fs::path& part : name.path()) {
    std::vector<fs::path> next;
    for (const fs::path& place : places) {
      for (fs::path& entry : entries_of(place)) {
        if (same_spelling(entry.filename().string(), part.string())) next.push_back(std::move(entry));
      }
    }
    places = std::move(next);
  }
  for (const fs::path& place : places) {
    const fs::path relative = place.lexically_relative(folder);
    auto part = relative.begin();
    NamedFile file{{}, place};
    for (std::string* of_name : {&file.name.host, &file.name.space, &file.name.model, &file.name.tag}) {
      *of_name = (part++)->string();
    }
    if (fs::is_regular_file(place, error)) return file;
  }
  return std::nullopt;
}

Result<bool> remove_named_file(const fs::path& folder, const ModelName& name) {
  const std::optional<NamedFile> file = find_named_file(folder, name);
  if (!file) return false;
  std::error_code error;
  fs::remove(file->path, error);
  if (error) {
    return fail(ErrorCategory::kIo, "cannot remove {}: {}", file->path.string(), error.message());
  }
  for (fs::path up = file->path.parent_path(); up != folder && fs::is_empty(up, error) && !error;
       up = up.parent_path()) {
    fs::remove(up, error);
    if (error) break;
  }
  return true;
}

}  // namespace hearth::store
