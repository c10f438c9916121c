#include "store/gguf_folder.h"

#include <strings.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "base/sha256.h"
#include "gguf/shards.h"
#include "store/model_name.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 6;
constexpr size_t kMaxFiles = 10'000;
constexpr std::chrono::seconds kTimeStep{2};  // of folders' times, on the coarsest file systems

bool is_projector(const fs::path& path) {
  return path.filename().string().find("mmproj") != std::string::npos;
}

// Of the file itself, or of the shard that stands for all: the first one that is there.
std::optional<FolderModel> model_of(const fs::path& file) {
  const std::optional<gguf::ShardName> shard = gguf::parse_shard_name(file);
  if (!shard) return FolderModel{file.stem().string(), {file}, {}};
  FolderModel model{shard->prefix, {}, {}};
  std::string missing;
  for (uint64_t number = 1; number <= shard->count; ++number) {
    const fs::path path = file.parent_path() / shard->file_name(number);
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
      if (missing.empty()) missing = path.filename().string();
      continue;
    }
    if (model.files.empty() && number < shard->number) return std::nullopt;
    model.files.push_back(path);
  }
  if (model.files.empty()) return std::nullopt;  // all of them have just gone
  if (!missing.empty()) {
    model.problem =
        fmt::format("{} of {} files are there; {} is missing", model.files.size(), shard->count, missing);
  }
  return model;
}

struct Search {
  std::vector<FolderModel> models{};
  std::vector<fs::path> folders{};  // those that were looked into
  size_t n_files = 0;
};

void search(const fs::path& folder, int depth, Search& result) {
  result.folders.push_back(folder);
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (++result.n_files > kMaxFiles) return;
    std::error_code ignored;
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) {
      if (depth < kMaxDepth) search(at->path(), depth + 1, result);
    } else if (gguf::has_gguf_ending(at->path()) && !is_projector(at->path()) &&
               at->is_regular_file(ignored)) {
      if (std::optional<FolderModel> model = model_of(at->path())) result.models.push_back(std::move(*model));
    }
  }
}

Search search_all(const fs::path& root) {
  Search result;
  search(root, 0, result);
  for (FolderModel& model : result.models) model.root = root;
  std::sort(result.models.begin(), result.models.end(),
            [](const FolderModel& a, const FolderModel& b) { return a.files.front() < b.files.front(); });
  return result;
}

// The folders between the root and the file: "publisher/repository". In the cache of Hugging Face they are
// "models--USER--REPOSITORY/snapshots/COMMIT", of which the first says it all. The root's own name for a file
// right in it.
std::string place_of(const FolderModel& model) {
  const fs::path folder = model.files.front().parent_path().lexically_relative(model.root);
  if (folder.empty() || folder == ".") return (model.root / "").parent_path().filename().string();
  constexpr std::string_view kRepository = "models--";
  std::string first = folder.begin()->string();
  if (!first.starts_with(kRepository)) return folder.string();
  first.erase(0, kRepository.size());
  if (const size_t user_ends = first.find("--"); user_ends != std::string::npos)
    first.replace(user_ends, 2, "/");
  return first;
}

// Compares as names do.
struct LessInAnyCase {
  bool operator()(const std::string& a, const std::string& b) const {
    return strcasecmp(a.c_str(), b.c_str()) < 0;
  }
};

// When a file last came or went; the earliest time there is where there is no folder.
fs::file_time_type modified_at(const fs::path& folder) {
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(folder, error);
  return error ? fs::file_time_type::min() : time;
}

}  // namespace

std::vector<FolderModel> list_gguf_models(const fs::path& folder) {
  return search_all(folder).models;
}

bool GgufFolder::unchanged() const {
  return !stamps_.empty() && std::all_of(stamps_.begin(), stamps_.end(), [](const Stamp& stamp) {
    return modified_at(stamp.folder) == stamp.modified;
  });
}

std::vector<FolderModel> GgufFolder::models() const {
  std::lock_guard lock(mutex_);
  if (unchanged()) return models_;
  Search result = search_all(path_);
  models_ = std::move(result.models);
  stamps_.clear();
  // What changes right after a search may leave the time as it was, so young times say nothing.
  const auto settled = fs::file_time_type::clock::now() - kTimeStep;
  for (const fs::path& folder : result.folders) {
    const fs::file_time_type modified = modified_at(folder);
    if (modified > settled) {
      stamps_.clear();
      break;
    }
    stamps_.push_back({folder, modified});
  }
  return models_;
}

void give_distinct_names(std::vector<FolderModel>& models) {
  std::map<std::string, std::vector<fs::path>, LessInAnyCase> namesakes;  // by the names of the files
  std::set<std::string, LessInAnyCase> taken;                             // of longer names
  std::vector<FolderModel> distinct;
  for (FolderModel& model : models) {
    const fs::path file = model.files.front();
    model.name = ModelName::for_file(model.name);
    std::vector<fs::path>& before = namesakes[model.name];
    const bool met = std::any_of(before.begin(), before.end(), [&](const fs::path& other) {
      std::error_code error;
      return fs::equivalent(file, other, error);
    });
    if (met) continue;
    if (!before.empty()) {
      const std::string place = place_of(model);
      std::string name = ModelName::space_for_folder(place) + "/" + model.name;
      if (taken.contains(name)) {
        const std::string path = file.string();
        const std::string digest = to_hex(sha256({std::as_bytes(std::span(path))})).substr(0, 8);
        name = ModelName::space_for_folder(place + "-" + digest) + "/" + model.name;
      }
      taken.insert(name);
      model.name = std::move(name);
    }
    before.push_back(file);
    distinct.push_back(std::move(model));
  }
  models = std::move(distinct);
}

Result<FolderModel> gguf_model_at(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error))
    return fail(ErrorCategory::kNotFound, "there is no file \"{}\"", file.string());
  if (!fs::is_regular_file(file, error) || !gguf::has_gguf_ending(file)) {
    return fail(ErrorCategory::kInvalidArgument, "\"{}\" is no file with the ending .gguf", file.string());
  }
  fs::path first = fs::absolute(file, error);
  if (const auto shard = gguf::parse_shard_name(first)) first.replace_filename(shard->file_name(1));
  std::optional<FolderModel> model = model_of(fs::exists(first, error) ? first : fs::absolute(file));
  if (!model) return fail(ErrorCategory::kNotFound, "the first files of \"{}\" are missing", file.string());
  return std::move(*model);
}

}  // namespace hearth::store
