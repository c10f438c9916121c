// The models on this machine: those in Hearth's own folder, which has Ollama's layout, and those that other
// programs keep, which are read in place.
//
//   ROOT/manifests/HOST/SPACE/MODEL/TAG   a manifest (manifest.h)
//   ROOT/blobs/sha256-HEX                 what it names (blob_store.h)
//   ROOT/imports/HOST/SPACE/MODEL/TAG     a model whose files stay where they are
//
// Several processes may use a store at once: what changes names has its turn alone (ROOT/.lock); blobs are
// removed only while nobody adds any (ROOT/.writers). All calls may wait for the disk. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/blob_store.h"
#include "store/file_lock.h"
#include "store/gguf_folder.h"
#include "store/manifest.h"
#include "store/model_name.h"
#include "store/modelfile.h"

namespace hearth::store {

// Where models are looked for beside the own store.
struct ModelSource {
  enum class Kind {
    kOllamaStore,  // a folder with "manifests" and "blobs"
    kFolder,       // a tree with GGUF files: LM Studio's, Hugging Face's cache, anybody's
    kBuiltIn,      // one GGUF file that comes with the program
  };
  Kind kind = Kind::kFolder;
  std::filesystem::path path;
};

struct StoredModel {
  enum class Kind {
    kOwn,       // a manifest in the own store
    kImported,  // files elsewhere, registered by import_files()
    kFound,     // in one of the further sources
    kBuiltIn,   // comes with the program
  };
  std::string name;  // short form with tag (ModelName::text()); of a file in a folder: ModelName::for_file()
  Kind kind = Kind::kOwn;
  std::filesystem::path source;              // the store or folder it is in
  std::vector<std::filesystem::path> files;  // weights: one, or all shards in order
  uint64_t bytes = 0;                        // of everything that belongs to it
  std::chrono::system_clock::time_point modified;
  std::string digest;                // SHA-256 of the manifest in hexadecimal; empty where there is none
  std::optional<Manifest> manifest;  // absent for files in place
  std::string problem;               // why it cannot be used, a sentence; empty: nothing is known to be wrong
  ErrorCategory problem_category = ErrorCategory::kCorrupt;  // kUnsupported: nothing is damaged
  std::string remedy;                                        // what to do where there is one
};

struct RemovedModel {
  StoredModel model;         // as it was
  uint64_t freed_bytes = 0;  // that are free now
};

// What a manifest says on top of its weights.
struct ModelOverrides {
  std::optional<std::string> template_text;  // of either language
  std::optional<std::string> system;
  std::vector<Modelfile::Parameter> parameters;
  std::vector<Modelfile::Message> messages;
  std::vector<std::string> licenses;
  bool has_projector = false;  // an image encoder, which nothing uses
};

struct StoreProblem {
  std::string what;  // a sentence that names the model or file
  std::string remedy;
};

struct UnreadableFolder {
  std::filesystem::path path;
  std::string why;   // as the system says it
  bool own = false;  // of the own store, not of a further source
};

struct UnfinishedDownloads {
  size_t count = 0;    // blobs
  uint64_t bytes = 0;  // that they take on disk
};

class ModelStore {
 public:
  // Makes nothing on disk.
  ModelStore(std::filesystem::path root, std::vector<ModelSource> sources = {});

  const std::filesystem::path& root() const { return root_; }
  const BlobStore& blobs() const { return blobs_; }

  // All models, also those with a problem, by name. Where two sources have one name the first counts, the own
  // store before all; among files in folders, later ones get longer names (give_distinct_names()). Folders
  // that do not exist have no models. Never fails because of a single model.
  std::vector<StoredModel> list() const;
  // `name` as ModelName::parse() reads it, or as list() shows it; case does not matter. Looks at what may
  // have that name alone. Errors: kInvalidArgument for what is no name; kNotFound; those of its problem, with
  // the remedy.
  Result<StoredModel> find(std::string_view name) const;
  Result<ModelOverrides> overrides(const StoredModel& model) const;

  // While it lives, no blob that is not yet part of a model is removed. For pulls and creations.
  Result<FileLock> begin_writing() const;
  // Makes the model visible under its name, in place of one that had it. kNotFound: a blob is not there.
  Status publish(const ModelName& name, const Manifest& manifest);
  // The same with the manifest's own bytes, which registries compare.
  Status publish(const ModelName& name, const Manifest& manifest, std::string_view manifest_json);

  // Registers a GGUF file, or any shard of a set, where it is.
  Result<StoredModel> import_file(const ModelName& name, const std::filesystem::path& file);

  // kNotFound; kInvalidArgument for a model of another source, which says where it is.
  Status copy(std::string_view from, const ModelName& to);
  // Also of a model with a problem. A model in use stays readable to those who have it open. kNotFound;
  // kInvalidArgument for a model of another source, which says what to do.
  Result<RemovedModel> remove(std::string_view name);

  // Removes blobs that no manifest has named for a day (an upload comes before its model), and downloads that
  // nobody has gone on with for a week; nothing while anybody writes, where a manifest or a folder of them
  // cannot be read, or in a folder that another program has made and may be writing to. The bytes that are
  // free now.
  Result<uint64_t> collect_garbage();

  // What list() leaves out because a folder of names or of files cannot be read. Of folders with GGUF
  // files the uppermost alone is looked at.
  std::vector<UnreadableFolder> unreadable_folders() const;
  // What stopped downloads have left in the own store, or running ones have so far.
  UnfinishedDownloads unfinished_downloads() const;
  // What is wrong with the contents of the own store's blobs: reads every byte, each blob once. `on_progress`
  // gets how many have been read and how many there are; false ends it with kCancelled. kIo: folders of the
  // store cannot be read.
  Result<std::vector<StoreProblem>> verify(
      const std::function<bool(uint64_t done_bytes, uint64_t total_bytes)>& on_progress) const;

 private:
  std::filesystem::path manifest_path(const ModelName& name) const {
    return root_ / "manifests" / name.path();
  }
  std::filesystem::path import_path(const ModelName& name) const { return root_ / "imports" / name.path(); }
  Result<FileLock> lock() const;
  // Of the `wanted` ones.
  uint64_t remove_unused_blobs(const std::function<bool(const std::filesystem::path&)>& wanted) const;
  std::optional<StoredModel> find_named(const ModelName& name) const;

  std::filesystem::path root_;
  BlobStore blobs_;
  struct Source {
    ModelSource::Kind kind;
    std::filesystem::path path;
    std::unique_ptr<GgufFolder> folder;  // of kFolder
  };
  // Of all folders, named apart; each has its source's path as its root.
  std::vector<FolderModel> folder_models() const;
  std::optional<StoredModel> find_in_sources(const ModelName& name) const;
  std::vector<Source> sources_;
};

}  // namespace hearth::store
