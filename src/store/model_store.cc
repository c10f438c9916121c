#include "store/model_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "store/gguf_folder.h"
#include "store/import_record.h"
#include "store/manifest_tree.h"
#include "store/unreadable.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMaxTextBytes = size_t{4} << 20;  // of a template, a system prompt, …
constexpr std::chrono::hours kPartialsStay{24 * 7};
constexpr std::chrono::hours kUnnamedStay{24};
constexpr std::string_view kPartial = "-partial";
constexpr int kNameDepth = 4;                     // HOST/SPACE/MODEL/TAG
constexpr std::string_view kOwnMark = ".hearth";  // in a folder that Hearth has made

std::chrono::system_clock::time_point modified_at(const fs::path& path) {
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(path, error);
  return error ? std::chrono::system_clock::time_point()
               : std::chrono::time_point_cast<std::chrono::system_clock::duration>(
                     std::chrono::file_clock::to_sys(time));
}

// kNotFound, kIo, kCorrupt.
Result<std::string> read_small_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorCategory::kNotFound, "cannot open {}", path.string());
  std::string bytes(Manifest::kMaxBytes + 1, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad()) return fail(ErrorCategory::kIo, "cannot read {}", path.string());
  bytes.resize(static_cast<size_t>(stream.gcount()));
  if (bytes.size() > Manifest::kMaxBytes)
    return fail(ErrorCategory::kCorrupt, "{} is too long", path.string());
  return bytes;
}

std::string missing_blob(const Manifest& manifest, const BlobStore& blobs) {
  for (const Layer& layer : manifest.layers) {
    if (!blobs.contains(layer)) {
      std::error_code error;
      const fs::path path = blobs.path_of(layer.digest);
      if (const uint64_t size = fs::file_size(path, error); !error) {
        return fmt::format("its file {} has {} bytes and should have {}", path.string(), size, layer.size);
      }
      if (error == std::errc::no_such_file_or_directory) error.clear();
      return error ? fmt::format("its file {} cannot be read: {}", path.string(), error.message())
                   : fmt::format("its file {} is missing", path.string());
    }
  }
  return {};
}

StoredModel read_manifest_model(const NamedFile& file, const fs::path& root, const BlobStore& blobs,
                                StoredModel::Kind kind) {
  StoredModel model;
  model.name = file.name.text();
  model.kind = kind;
  model.source = root;
  model.modified = modified_at(file.path);
  model.remedy = kind == StoredModel::Kind::kOwn ? "pull or create it again, or remove it with hearth rm"
                                                 : "see to it with the program that it belongs to";
  const Result<std::string> bytes = read_small_file(file.path);
  Result<Manifest> manifest = bytes ? Manifest::parse(*bytes) : propagate(Error(bytes.error()));
  if (!manifest) {
    model.problem =
        fmt::format("its manifest {} cannot be read: {}", file.path.string(), manifest.error().message);
    return model;
  }
  model.digest = to_hex(sha256({std::as_bytes(std::span(bytes->data(), bytes->size()))}));
  model.bytes = manifest->size();
  for (const Layer& layer : manifest->layers) {
    if (layer.media_type == media_type::kModel) model.files.push_back(blobs.path_of(layer.digest));
  }
  model.problem = missing_blob(*manifest, blobs);
  if (manifest->find(media_type::kAdapter) != nullptr) {
    model.problem = fmt::format("it has an adapter: {}", kNoAdapters);
    model.problem_category = ErrorCategory::kUnsupported;
    model.remedy = kMergeAdapter;
  } else if (model.problem.empty() && model.files.empty()) {
    model.problem = "it has no weights in GGUF, which are all that can be used";
    model.problem_category = ErrorCategory::kUnsupported;
    model.remedy = "take another file of the model";
  }
  model.manifest = std::move(*manifest);
  return model;
}

StoredModel read_imported_model(const NamedFile& file, const fs::path& root) {
  StoredModel model;
  model.name = file.name.text();
  model.kind = StoredModel::Kind::kImported;
  model.source = root;
  model.modified = modified_at(file.path);
  model.remedy = "import it again, or remove it with hearth rm";
  const Result<std::string> bytes = read_small_file(file.path);
  const Result<ImportRecord> record = bytes ? ImportRecord::parse(*bytes) : propagate(Error(bytes.error()));
  if (!record) {
    model.problem = fmt::format("{}: {}", file.path.string(), record.error().message);
    return model;
  }
  for (const ImportRecord::File& part : record->files) {
    model.files.push_back(part.path);
    model.bytes += part.bytes;
  }
  model.problem = record->problem();
  return model;
}

// Of a file with the name of a model.
StoredModel read_found_model(FolderModel found, const fs::path& folder,
                             StoredModel::Kind kind = StoredModel::Kind::kFound) {
  StoredModel model;
  model.name = std::move(found.name);
  model.kind = kind;
  model.source = folder;
  model.problem = std::move(found.problem);
  model.remedy = "its download is probably incomplete: fetch it again";
  for (const fs::path& file : found.files) {
    std::error_code error;
    const uint64_t size = fs::file_size(file, error);
    if (!error) model.bytes += size;
    model.modified = std::max(model.modified, modified_at(file));
  }
  model.files = std::move(found.files);
  return model;
}

// Absent where the file is not there.
std::optional<StoredModel> read_built_in_model(const fs::path& file) {
  Result<FolderModel> found = gguf_model_at(file);
  if (!found) return std::nullopt;
  found->name = ModelName::for_file(found->name);
  return read_found_model(std::move(*found), file, StoredModel::Kind::kBuiltIn);
}

bool is_name(std::string_view text, const ModelName& name) {
  const Result<ModelName> its = ModelName::parse(text);
  return its && *its == name;
}

bool same_name(std::string_view a, std::string_view b) {
  const Result<ModelName> left = ModelName::parse(a);
  const Result<ModelName> right = ModelName::parse(b);
  return left && right ? *left == *right : a == b;
}

void add_blob_names(const Manifest& manifest, const BlobStore& blobs, std::set<std::string>& names) {
  names.insert(blobs.path_of(manifest.config.digest).filename().string());
  for (const Layer& layer : manifest.layers) names.insert(blobs.path_of(layer.digest).filename().string());
}

std::string parameter_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<std::vector<Modelfile::Parameter>> read_parameters(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorCategory::kCorrupt, "the parameters are no JSON object");
  std::vector<Modelfile::Parameter> parameters;
  for (const auto& [name, value] : document.items()) {
    if (value.is_array()) {
      for (const json& element : value) parameters.push_back({name, parameter_text(element)});
    } else if (!value.is_null()) {
      parameters.push_back({name, parameter_text(value)});
    }
  }
  return parameters;
}

Result<std::vector<Modelfile::Message>> read_messages(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_array()) return fail(ErrorCategory::kCorrupt, "the messages are no JSON array");
  std::vector<Modelfile::Message> messages;
  for (const json& object : document) {
    if (!object.is_object() || !object.contains("role") || !object["role"].is_string() ||
        !object.contains("content") || !object["content"].is_string()) {
      return fail(ErrorCategory::kCorrupt, "a message has no role or no content");
    }
    messages.push_back({object["role"].get<std::string>(), object["content"].get<std::string>()});
  }
  return messages;
}

}  // namespace

ModelStore::ModelStore(fs::path root, std::vector<ModelSource> sources)
    : root_(std::move(root)), blobs_(root_ / "blobs") {
  for (ModelSource& source : sources) {
    const bool folder = source.kind == ModelSource::Kind::kFolder;
    sources_.push_back(
        {source.kind, source.path, folder ? std::make_unique<GgufFolder>(source.path) : nullptr});
  }
}

std::vector<FolderModel> ModelStore::folder_models() const {
  std::vector<FolderModel> models;
  for (const Source& source : sources_) {
    if (!source.folder) continue;
    std::vector<FolderModel> its = source.folder->models();
    std::move(its.begin(), its.end(), std::back_inserter(models));
  }
  give_distinct_names(models);
  return models;
}

std::optional<StoredModel> ModelStore::find_in_sources(const ModelName& name) const {
  std::optional<std::vector<FolderModel>> in_folders;  // looked up where they are needed
  for (const Source& source : sources_) {
    if (source.kind == ModelSource::Kind::kOllamaStore) {
      if (const auto file = find_named_file(source.path / "manifests", name)) {
        return read_manifest_model(*file, source.path, BlobStore(source.path / "blobs"),
                                   StoredModel::Kind::kFound);
      }
    } else if (source.kind == ModelSource::Kind::kFolder) {
      if (!in_folders) in_folders = folder_models();
      for (FolderModel& found : *in_folders) {
        if (found.root == source.path && is_name(found.name, name))
          return read_found_model(std::move(found), source.path);
      }
    } else if (auto model = read_built_in_model(source.path); model && is_name(model->name, name)) {
      return model;
    }
  }
  return std::nullopt;
}

std::vector<StoredModel> ModelStore::list() const {
  std::vector<StoredModel> models;
  for (const NamedFile& file : list_named_files(root_ / "manifests")) {
    models.push_back(read_manifest_model(file, root_, blobs_, StoredModel::Kind::kOwn));
  }
  for (const NamedFile& file : list_named_files(root_ / "imports")) {
    models.push_back(read_imported_model(file, root_));
  }
  const std::vector<FolderModel> in_folders = folder_models();
  for (const Source& source : sources_) {
    if (source.kind == ModelSource::Kind::kOllamaStore) {
      const BlobStore blobs(source.path / "blobs");
      for (const NamedFile& file : list_named_files(source.path / "manifests")) {
        models.push_back(read_manifest_model(file, source.path, blobs, StoredModel::Kind::kFound));
      }
    } else if (source.kind == ModelSource::Kind::kFolder) {
      for (const FolderModel& found : in_folders) {
        if (found.root == source.path) models.push_back(read_found_model(found, source.path));
      }
    } else if (auto built_in = read_built_in_model(source.path)) {
      models.push_back(std::move(*built_in));
    }
  }
  std::vector<StoredModel> distinct;
  for (StoredModel& model : models) {
    const auto has_its_name = [&](const StoredModel& other) { return same_name(other.name, model.name); };
    if (std::none_of(distinct.begin(), distinct.end(), has_its_name)) distinct.push_back(std::move(model));
  }
  std::stable_sort(distinct.begin(), distinct.end(),
                   [](const StoredModel& a, const StoredModel& b) { return a.name < b.name; });
  return distinct;
}

std::optional<StoredModel> ModelStore::find_named(const ModelName& name) const {
  if (const auto file = find_named_file(root_ / "manifests", name)) {
    return read_manifest_model(*file, root_, blobs_, StoredModel::Kind::kOwn);
  }
  if (const auto file = find_named_file(root_ / "imports", name)) return read_imported_model(*file, root_);
  return std::nullopt;
}

Result<StoredModel> ModelStore::find(std::string_view text) const {
  HEARTH_TRY(const ModelName name, ModelName::parse(text));
  std::optional<StoredModel> model = find_named(name);
  if (!model) model = find_in_sources(name);
  if (!model) return fail(ErrorCategory::kNotFound, "there is no model \"{}\" here", text);
  if (!model->problem.empty()) {
    return fail(model->problem_category, "the model \"{}\" cannot be used: {}; {}", model->name,
                model->problem, model->remedy);
  }
  return std::move(*model);
}

Result<ModelOverrides> ModelStore::overrides(const StoredModel& model) const {
  ModelOverrides overrides;
  if (!model.manifest) return overrides;
  const BlobStore blobs(model.source / "blobs");
  for (const Layer& layer : model.manifest->layers) {
    const auto is = [&](std::string_view type) { return layer.media_type == type; };
    if (is(media_type::kTemplate) || is(media_type::kOldTemplate)) {
      HEARTH_TRY(overrides.template_text, blobs.read(layer, kMaxTextBytes));
    } else if (is(media_type::kProjector)) {
      overrides.has_projector = true;
    } else if (is(media_type::kSystem)) {
      HEARTH_TRY(overrides.system, blobs.read(layer, kMaxTextBytes));
    } else if (is(media_type::kLicense)) {
      HEARTH_TRY(std::string license, blobs.read(layer, kMaxTextBytes));
      overrides.licenses.push_back(std::move(license));
    } else if (is(media_type::kParameters)) {
      HEARTH_TRY(const std::string text, blobs.read(layer, kMaxTextBytes));
      HEARTH_TRY(overrides.parameters, read_parameters(text));
    } else if (is(media_type::kMessages)) {
      HEARTH_TRY(const std::string text, blobs.read(layer, kMaxTextBytes));
      HEARTH_TRY(overrides.messages, read_messages(text));
    }
  }
  return overrides;
}

Result<FileLock> ModelStore::lock() const {
  std::error_code error;
  const bool made = fs::create_directories(root_, error);
  if (error) return fail(ErrorCategory::kIo, "cannot make {}: {}", root_.string(), error.message());
  if (made) HEARTH_CHECK_OK(write_file_atomically(root_ / kOwnMark, "Models of Hearth; see manifests/.\n"));
  return FileLock::wait(root_ / ".lock", FileLock::Kind::kExclusive);
}

Result<FileLock> ModelStore::begin_writing() const {
  HEARTH_TRY(const FileLock turn, lock());  // makes the folder
  return FileLock::wait(root_ / ".writers", FileLock::Kind::kShared);
}

Status ModelStore::publish(const ModelName& name, const Manifest& manifest) {
  return publish(name, manifest, manifest.to_json());
}

Status ModelStore::publish(const ModelName& name, const Manifest& manifest, std::string_view manifest_json) {
  HEARTH_TRY(const FileLock turn, lock());
  if (const std::string problem = missing_blob(manifest, blobs_); !problem.empty()) {
    return fail(ErrorCategory::kNotFound, "the model \"{}\" is not complete: {}", name.text(), problem);
  }
  const auto before = find_named_file(root_ / "manifests", name);
  HEARTH_CHECK_OK(write_file_atomically(before ? before->path : manifest_path(name), manifest_json));
  HEARTH_TRY([[maybe_unused]] const bool imported, remove_named_file(root_ / "imports", name));
  return {};
}

Result<StoredModel> ModelStore::import_file(const ModelName& name, const fs::path& file) {
  HEARTH_TRY(const FolderModel found, gguf_model_at(file));
  if (!found.problem.empty()) return fail(ErrorCategory::kNotFound, "{}: {}", file.string(), found.problem);
  HEARTH_TRY(const ImportRecord record, ImportRecord::of(found.files));
  HEARTH_TRY(const FileLock turn, lock());
  if (find_named_file(root_ / "manifests", name)) {
    return fail(ErrorCategory::kInvalidArgument,
                "there is a model \"{}\" already; give another name, or remove that one first", name.text());
  }
  const auto before = find_named_file(root_ / "imports", name);
  const fs::path path = before ? before->path : import_path(name);
  HEARTH_CHECK_OK(write_file_atomically(path, record.to_json()));
  return read_imported_model({before ? before->name : name, path}, root_);
}

Status ModelStore::copy(std::string_view from, const ModelName& to) {
  HEARTH_TRY(const StoredModel model, find(from));
  if (model.kind == StoredModel::Kind::kFound || model.kind == StoredModel::Kind::kBuiltIn) {
    if (model.manifest) {
      return fail(ErrorCategory::kInvalidArgument,
                  "the model \"{0}\" belongs to {1} and cannot be copied from there; a Modelfile with FROM "
                  "{0} makes one like it in the own store: hearth create {2} -f Modelfile",
                  model.name, model.source.string(), to.text());
    }
    HEARTH_TRY([[maybe_unused]] const StoredModel imported, import_file(to, model.files.front()));
    return {};
  }
  HEARTH_TRY(const ModelName name, ModelName::parse(model.name));
  if (name == to) return fail(ErrorCategory::kInvalidArgument, "\"{}\" is the same model", to.text());
  HEARTH_TRY(const FileLock turn, lock());
  const bool own = model.kind == StoredModel::Kind::kOwn;
  const fs::path folder = root_ / (own ? "manifests" : "imports");
  const auto source = find_named_file(folder, name);
  if (!source) return fail(ErrorCategory::kNotFound, "the model \"{}\" has just been removed", model.name);
  HEARTH_TRY(const std::string bytes, read_small_file(source->path));
  const auto target = find_named_file(folder, to);
  HEARTH_CHECK_OK(write_file_atomically(target ? target->path : folder / to.path(), bytes));
  HEARTH_TRY([[maybe_unused]] const bool replaced,
             remove_named_file(root_ / (own ? "imports" : "manifests"), to));
  return {};
}

Result<RemovedModel> ModelStore::remove(std::string_view text) {
  HEARTH_TRY(const ModelName name, ModelName::parse(text));
  HEARTH_TRY(const FileLock turn, lock());
  std::optional<StoredModel> model = find_named(name);
  if (model) {
    HEARTH_TRY([[maybe_unused]] const bool own, remove_named_file(root_ / "manifests", name));
    HEARTH_TRY([[maybe_unused]] const bool imported, remove_named_file(root_ / "imports", name));
    RemovedModel removed{std::move(*model), 0};
    if (removed.model.manifest) {
      std::set<std::string> its_blobs;
      add_blob_names(*removed.model.manifest, blobs_, its_blobs);
      removed.freed_bytes = remove_unused_blobs(
          [&](const fs::path& blob) { return its_blobs.contains(blob.filename().string()); });
    }
    return removed;
  }
  model = find_in_sources(name);
  if (!model) return fail(ErrorCategory::kNotFound, "there is no model \"{}\" here", text);
  if (model->kind == StoredModel::Kind::kBuiltIn) {
    return fail(ErrorCategory::kInvalidArgument, "the model \"{}\" is a part of Hearth and stays: {}",
                model->name, model->files.front().string());
  }
  if (!model->manifest && !model->files.empty()) {
    const bool single = model->files.size() == 1;
    std::vector<std::string> paths;
    for (const fs::path& file : model->files) paths.push_back(file.string());
    return fail(ErrorCategory::kInvalidArgument,
                "the model \"{}\" is read in place from {}, where Hearth removes nothing; delete the {}: {}",
                model->name, model->source.string(), single ? "file itself" : "files themselves",
                fmt::join(paths, ", "));
  }
  return fail(ErrorCategory::kInvalidArgument,
              "the model \"{}\" is read in place from {}, which belongs to another program; remove it there",
              model->name, model->source.string());
}

Result<uint64_t> ModelStore::collect_garbage() {
  HEARTH_TRY(const FileLock turn, lock());
  std::error_code error;
  if (!fs::exists(root_ / kOwnMark, error)) return uint64_t{0};
  const auto now = std::chrono::system_clock::now();
  return remove_unused_blobs([&](const fs::path& file) {
    const std::string name = file.filename().string();
    const size_t suffix = name.find(kPartial);
    if (suffix == std::string::npos) return modified_at(file) < now - kUnnamedStay;
    // What belongs to a download goes with it; alone it is left over from one that ended.
    const fs::path partial = file.parent_path() / name.substr(0, suffix + kPartial.size());
    std::error_code ignored;
    return !fs::exists(partial, ignored) || modified_at(partial) < now - kPartialsStay;
  });
}

// With the lock held.
uint64_t ModelStore::remove_unused_blobs(const std::function<bool(const fs::path&)>& wanted) const {
  const auto alone = FileLock::attempt(root_ / ".writers", FileLock::Kind::kExclusive);
  if (!alone || !*alone) return 0;  // whoever removes a model next takes these blobs along
  if (!find_unreadable(root_ / "manifests", kNameDepth).empty()) return 0;  // what is in there needs some
  std::set<std::string> used;
  for (const NamedFile& file : list_named_files(root_ / "manifests")) {
    const Result<std::string> bytes = read_small_file(file.path);
    const Result<Manifest> manifest = bytes ? Manifest::parse(*bytes) : propagate(Error(bytes.error()));
    if (!manifest) return 0;  // nobody knows which blobs it needs
    add_blob_names(*manifest, blobs_, used);
  }
  uint64_t freed = 0;
  std::error_code error;
  for (fs::directory_iterator at(blobs_.folder(), error), end; !error && at != end; at.increment(error)) {
    const fs::path path = at->path();
    if (used.contains(path.filename().string()) || !wanted(path)) continue;
    std::error_code failed;
    const uint64_t size = fs::file_size(path, failed);
    if (fs::remove(path, failed) && !failed) freed += size;
  }
  return freed;
}

std::vector<UnreadableFolder> ModelStore::unreadable_folders() const {
  std::error_code error;
  if (const fs::file_status status = fs::status(root_, error);
      fs::exists(status) && !fs::is_directory(status)) {
    return {{root_, "it is no folder", true}};
  }
  std::vector<UnreadableFolder> folders;
  const auto add = [&](const fs::path& folder, int depth, bool own) {
    for (Unreadable& found : find_unreadable(folder, depth)) {
      const auto is_it = [&](const UnreadableFolder& other) { return other.path == found.path; };
      if (std::none_of(folders.begin(), folders.end(), is_it))
        folders.push_back({std::move(found.path), std::move(found.why), own});
    }
  };
  add(root_ / "manifests", kNameDepth, true);
  add(root_ / "imports", kNameDepth, true);
  for (const Source& source : sources_) {
    if (source.kind == ModelSource::Kind::kOllamaStore) add(source.path / "manifests", kNameDepth, false);
    if (source.kind == ModelSource::Kind::kFolder) add(source.path, 0, false);
  }
  return folders;
}

UnfinishedDownloads ModelStore::unfinished_downloads() const {
  UnfinishedDownloads downloads;
  std::error_code error;
  for (fs::directory_iterator at(blobs_.folder(), error), end; !error && at != end; at.increment(error)) {
    struct stat state {};
    if (!at->path().string().ends_with(kPartial) || stat(at->path().c_str(), &state) != 0) continue;
    ++downloads.count;
    downloads.bytes += static_cast<uint64_t>(state.st_blocks) * 512;  // the file has its full length at once
  }
  return downloads;
}

Result<std::vector<StoreProblem>> ModelStore::verify(
    const std::function<bool(uint64_t, uint64_t)>& on_progress) const {
  for (const UnreadableFolder& folder : unreadable_folders()) {
    if (folder.own)
      return fail(ErrorCategory::kIo, "{} cannot be read: {}", folder.path.string(), folder.why);
  }
  std::map<std::string, std::string> model_of;  // by digest: one that needs it
  uint64_t total = 0, done = 0;
  for (const StoredModel& model : list()) {
    if (!model.problem.empty() || model.kind != StoredModel::Kind::kOwn) continue;
    for (const Layer& layer : model.manifest->layers) {
      if (model_of.emplace(layer.digest, model.name).second) total += layer.size;
    }
  }
  std::vector<StoreProblem> problems;
  std::vector<char> buffer(size_t{4} << 20);
  for (const auto& [digest, model] : model_of) {
    const fs::path path = blobs_.path_of(digest);
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
      problems.push_back(
          {fmt::format("the model \"{}\": {} cannot be read: {}", model, path.string(), std::strerror(errno)),
           "change the owner or the rights of that file"});
      continue;
    }
    Sha256 hash;
    while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || stream.gcount() > 0) {
      hash.update(std::as_bytes(std::span(buffer.data(), static_cast<size_t>(stream.gcount()))));
      done += static_cast<uint64_t>(stream.gcount());
      if (!on_progress(done, total)) return fail(ErrorCategory::kCancelled, "stopped");
    }
    if ("sha256:" + to_hex(hash.finish()) == digest) continue;
    problems.push_back({fmt::format("the model \"{}\": the contents of {} are damaged", model, path.string()),
                        "remove that file and pull the model again"});
  }
  return problems;
}

}  // namespace hearth::store
