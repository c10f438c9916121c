// The files of a download: the bytes that have come, and notes of which these are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace hearth::registry {

// Written at any offset, by any thread. All errors are kIo.
class DownloadFile {
 public:
  DownloadFile() = default;
  DownloadFile(const DownloadFile&) = delete;
  DownloadFile& operator=(const DownloadFile&) = delete;
  ~DownloadFile();

  // Makes it where there is none.
  Status open(std::filesystem::path path);
  Result<uint64_t> size() const;
  Status resize(uint64_t size);
  Status write(std::span<const std::byte> bytes, uint64_t offset);
  // Fills `space`, or fails.
  Status read(std::span<std::byte> space, uint64_t offset) const;
  // Returns when the bytes are on the disk.
  Status sync();
  void close_and_remove();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

// A blob is fetched in parts of equal size, but for the last; of each, the first bytes have come. The file is
// a head of 64 bytes of text, then such a count for each part, in 8 bytes of this machine's order. No count
// crosses a sector or a page, so that a write that is cut off leaves old and new ones, but none that is
// neither.
class DownloadNotes {
 public:
  DownloadNotes(uint64_t total_bytes, uint64_t part_bytes)
      : total_bytes_(total_bytes), part_bytes_(part_bytes) {}

  size_t n_parts() const { return (total_bytes_ + part_bytes_ - 1) / part_bytes_; }
  uint64_t part_size(size_t part) const;

  Status open(std::filesystem::path path) { return file_.open(std::move(path)); }
  // The counts, also of notes that only say which parts are whole: a byte each, behind a head of one line.
  // nullopt where there are none of this blob in such parts.
  std::optional<std::vector<uint64_t>> read() const;
  // The caller has synced the bytes that this claims.
  Status write(std::span<const uint64_t> counts);
  Status clear() { return file_.resize(0); }
  Status sync() { return file_.sync(); }
  void close_and_remove() { file_.close_and_remove(); }

 private:
  uint64_t total_bytes_;
  uint64_t part_bytes_;
  DownloadFile file_;
};

}  // namespace hearth::registry
