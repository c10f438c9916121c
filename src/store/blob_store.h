// Contents by their SHA-256, one file each, in Ollama's layout: FOLDER/sha256-HEX. A file under its final
// name is whole; what is being written has another name, which nobody reads.
//
// All calls may wait for the disk. Several processes may use a folder at once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sha256.h"
#include "store/manifest.h"

namespace hearth::store {

// How names of files begin that are to become blobs; nobody reads them, and after a crash they are collected.
inline constexpr std::string_view kDraft = "writing-";

// A blob whose digest is known when all of it has been written. Removed again unless finished, on most file
// systems also where the process dies: until then it has no name. One thread at a time.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&& other) noexcept;
  BlobWriter& operator=(BlobWriter&&) = delete;
  ~BlobWriter();

  // kIo names the file and says what the system said, "No space left on device" for one.
  Status write(std::span<const std::byte> bytes);
  // Syncs the file and gives it its final name. Returns its layer, of the given type. kInvalidArgument where
  // it is not what the digest `expected` says, if that is not empty: then nothing stays.
  Result<Layer> finish(std::string_view media_type, std::string_view expected = {});

 private:
  friend class BlobStore;
  BlobWriter(std::filesystem::path folder, std::filesystem::path path, int descriptor)
      : folder_(std::move(folder)), path_(std::move(path)), descriptor_(descriptor) {}

  std::filesystem::path folder_;
  std::filesystem::path path_;  // empty: the file has no name yet
  int descriptor_;
  uint64_t size_ = 0;
  Sha256 hash_;
};

class BlobStore {
 public:
  // The folder is made by the first writer.
  explicit BlobStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }

  // `digest` must be one (check_digest); the file need not exist.
  std::filesystem::path path_of(std::string_view digest) const;
  // Where a download of it grows, under the name that Ollama gives it. State of the download lies in files
  // whose names begin with this one.
  std::filesystem::path partial_path_of(std::string_view digest) const;
  // Whether the file is there with the size that the layer says.
  bool contains(const Layer& layer) const;

  // kIo.
  Result<BlobWriter> begin() const;
  Result<Layer> add(std::string_view media_type, std::string_view bytes) const;

  // A file of this folder (a name that begins with kDraft) becomes a blob: it is read once for its digest,
  // synced and renamed. An error of `on_progress` ends that and is returned; the draft stays then.
  Result<Layer> adopt(
      const std::filesystem::path& draft, std::string_view media_type,
      const std::function<Status(uint64_t done_bytes, uint64_t total_bytes)>& on_progress) const;

  // Gives the file at partial_path_of() its final name, after it has been synced. The caller has compared its
  // bytes with the digest.
  Status publish_partial(std::string_view digest) const;

  // The whole of a small blob. kNotFound; kCorrupt where it is longer than `most_bytes` or not what its
  // digest says.
  Result<std::string> read(const Layer& layer, size_t most_bytes) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace hearth::store
