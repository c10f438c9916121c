#include "store/gguf_folder.h"

#include <optional>

#include "gguf/shards.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 6;
constexpr size_t kMaxFiles = 10'000;

bool is_gguf(const fs::path& path) {
  return path.extension() == ".gguf";
}

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
  if (!missing.empty()) {
    model.problem =
        fmt::format("{} of {} files are there; {} is missing", model.files.size(), shard->count, missing);
  }
  return model;
}

void search(const fs::path& folder, int depth, size_t& n_files, std::vector<FolderModel>& models) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (++n_files > kMaxFiles) return;
    std::error_code ignored;
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) {
      if (depth < kMaxDepth) search(at->path(), depth + 1, n_files, models);
    } else if (is_gguf(at->path()) && !is_projector(at->path()) && at->is_regular_file(ignored)) {
      if (std::optional<FolderModel> model = model_of(at->path())) models.push_back(std::move(*model));
    }
  }
}

}  // namespace

std::vector<FolderModel> list_gguf_models(const fs::path& folder) {
  std::vector<FolderModel> models;
  size_t n_files = 0;
  search(folder, 0, n_files, models);
  return models;
}

Result<FolderModel> gguf_model_at(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error))
    return fail(ErrorCategory::kNotFound, "there is no file \"{}\"", file.string());
  if (!fs::is_regular_file(file, error) || !is_gguf(file)) {
    return fail(ErrorCategory::kInvalidArgument, "\"{}\" is no file with the ending .gguf", file.string());
  }
  fs::path first = fs::absolute(file, error);
  if (const auto shard = gguf::parse_shard_name(first)) first.replace_filename(shard->file_name(1));
  std::optional<FolderModel> model = model_of(fs::exists(first, error) ? first : fs::absolute(file));
  if (!model) return fail(ErrorCategory::kNotFound, "the first files of \"{}\" are missing", file.string());
  return std::move(*model);
}

}  // namespace hearth::store
