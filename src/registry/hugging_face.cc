#include "registry/hugging_face.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "gguf/shards.h"

namespace hearth::registry {
namespace {

using nlohmann::json;

std::string lower(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return copy;
}

// Whether the file's name says the tag as a word: behind '-', '.', '_' or '/', before '.' or '-'.
bool says(const std::string& path, const std::string& tag) {
  const std::string name = lower(path), word = lower(tag);
  if (name == word || name.substr(name.rfind('/') + 1) == word) return true;
  for (size_t at = name.find(word); at != std::string::npos; at = name.find(word, at + 1)) {
    const bool begins = at == 0 || std::string_view("-._/").find(name[at - 1]) != std::string_view::npos;
    const size_t end = at + word.size();
    if (begins && (end == name.size() || name[end] == '.' || name[end] == '-' || name[end] == '/'))
      return true;
  }
  return false;
}

// "Q4_K_M" of "Model-Q4_K_M.gguf".
std::string quantization_of(std::string path) {
  path = path.substr(path.rfind('/') + 1);
  if (const auto shard = gguf::parse_shard_name(path)) path = shard->prefix + ".gguf";
  path = path.substr(0, path.rfind('.'));
  const size_t at = path.find_last_of("-.");
  return at == std::string::npos ? std::string() : path.substr(at + 1);
}

Result<json> get_json(RegistryClient& client, const std::string& url, std::string_view what) {
  net::HttpRequest request;
  request.url = url;
  HEARTH_TRY(const net::HttpReply reply, client.send(request));
  if (reply.status != 200) return propagate(registry_error(reply, what));
  json document = json::parse(reply.body, nullptr, false);
  if (document.is_discarded()) return fail(ErrorCategory::kCorrupt, "{}: the answer is no JSON", url);
  return document;
}

}  // namespace

Result<HubModel> choose_hub_files(std::vector<HubFile> files, const std::string& tag) {
  std::erase_if(files, [](const HubFile& file) {
    return !lower(file.path).ends_with(".gguf") || lower(file.path).find("mmproj") != std::string::npos ||
           lower(file.path).find("imatrix") != std::string::npos;
  });
  std::sort(files.begin(), files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  if (files.empty()) return fail(ErrorCategory::kNotFound, "the repository has no GGUF model");

  const HubFile* chosen = nullptr;
  const auto choose = [&](const std::string& word) {
    for (const HubFile& file : files) {
      if (chosen == nullptr && says(file.path, word)) chosen = &file;
    }
  };
  if (lower(tag) == store::ModelName::kDefaultTag) {
    choose("Q4_K_M");
    choose("Q8_0");
    if (chosen == nullptr) chosen = &files.front();
  } else {
    choose(tag);
  }
  if (chosen == nullptr) {
    std::set<std::string> there;
    for (const HubFile& file : files) there.insert(quantization_of(file.path));
    return fail(ErrorCategory::kNotFound, "the repository has no file for \"{}\"; it has {}", tag,
                fmt::join(there, ", "));
  }

  HubModel model;
  model.quantization = quantization_of(chosen->path);
  const std::string folder = chosen->path.substr(0, chosen->path.rfind('/') + 1);
  const auto shard = gguf::parse_shard_name(chosen->path);
  for (uint64_t number = 1; number <= (shard ? shard->count : 1); ++number) {
    const std::string path = shard ? folder + shard->file_name(number) : chosen->path;
    const auto file =
        std::find_if(files.begin(), files.end(), [&](const HubFile& f) { return f.path == path; });
    if (file == files.end()) return fail(ErrorCategory::kNotFound, "the repository lacks {}", path);
    model.files.push_back(*file);
  }
  for (const HubFile& file : model.files) {
    if (!store::check_digest(file.digest)) {
      return fail(ErrorCategory::kUnsupported, "the repository has no digest of {}", file.path);
    }
  }
  return model;
}

Result<HubModel> find_hub_model(RegistryClient& client, const std::string& base,
                                const store::ModelName& name) {
  const std::string repository = name.space + "/" + name.model;
  const std::string what = fmt::format("the repository {} of Hugging Face", repository);
  HEARTH_TRY(const json info, get_json(client, fmt::format("{}/api/models/{}", base, repository), what));
  const auto commit_at = info.is_object() ? info.find("sha") : info.end();
  const bool has_commit = info.is_object() && commit_at != info.end() && commit_at->is_string();
  const std::string commit = has_commit ? commit_at->get<std::string>() : std::string();
  if (commit.empty() || commit.size() > 64 ||
      commit.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(ErrorCategory::kCorrupt, "{}: the answer names no commit", what);
  }
  HEARTH_TRY(
      const json tree,
      get_json(client, fmt::format("{}/api/models/{}/tree/{}?recursive=true", base, repository, commit),
               what));
  if (!tree.is_array()) return fail(ErrorCategory::kCorrupt, "{}: the answer lists no files", what);
  std::vector<HubFile> files;
  for (const json& entry : tree) {
    if (!entry.is_object() || !entry.contains("path") || !entry["path"].is_string() ||
        !entry.contains("size") || !entry["size"].is_number_unsigned()) {
      continue;
    }
    HubFile file{entry["path"].get<std::string>(), entry["size"].get<uint64_t>(), {}};
    if (entry.contains("lfs") && entry["lfs"].is_object() && entry["lfs"].contains("oid") &&
        entry["lfs"]["oid"].is_string()) {
      file.digest = "sha256:" + entry["lfs"]["oid"].get<std::string>();
    }
    files.push_back(std::move(file));
  }
  auto model = choose_hub_files(std::move(files), name.tag);
  if (!model) return propagate(std::move(model).error(), what);
  model->url_prefix = fmt::format("{}/{}/resolve/{}/", base, repository, commit);
  for (HubFile& file : model->files) file.path = net::percent_encoded(file.path, "/");
  return std::move(*model);
}

}  // namespace hearth::registry
