// Blocks of keys and values on disk: what survives a restart or the change to another model. A folder of
// files, each one block of one kind, named by a digest of everything its content depends on
// (engine/prefix_disk.h), so that one folder serves any number of models.
//
// One thread of its own reads and writes; nobody else waits for the disk. Files are written beside their
// place and renamed, hold a checksum, and can be read by their owner only: keys and values tell what was
// said. What is damaged is removed and counts as never stored. The folder stays below its size by giving up
// what was used longest ago, and the file system keeps some room for others.
//
// Several processes may use the same folder; each bounds it by what it knows.
#pragma once

#include <compare>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace hearth::engine {

struct PrefixStoreOptions {
  std::filesystem::path folder;  // made if it is not there
  uint64_t max_bytes = uint64_t{4} << 30;
  uint64_t min_free_bytes = uint64_t{1} << 30;  // of the file system
};

// Which block: the text up to its end, as a digest, and the kind of layers.
struct StoredBlock {
  Sha256Digest text{};
  int kind = 0;
  auto operator<=>(const StoredBlock&) const = default;
};

struct PrefixStoreStats {
  int64_t n_blocks = 0;
  uint64_t bytes = 0;
  int64_t n_read = 0;  // since the start
  int64_t n_written = 0;
  int64_t n_removed = 0;  // for room
  int64_t n_damaged = 0;
};

class PrefixStore {
 public:
  // kIo when the folder cannot be made or listed.
  static Result<std::shared_ptr<PrefixStore>> open(PrefixStoreOptions options);
  ~PrefixStore();  // after what was asked for is done

  // All methods are thread-safe. These answer at once, by what is known.
  bool contains(const StoredBlock& block) const;
  // Counts as used now, the first one as the last used.
  void touch(std::span<const StoredBlock> blocks);
  PrefixStoreStats stats() const;

  // `done` is called on the store's thread, which must not be held up; until then the memory stays as it is.
  // The block counts as used just before `parent`, without which it is worth nothing and is not written.
  void write(const StoredBlock& block, const std::optional<StoredBlock>& parent,
             std::span<const std::byte> content, std::function<void()> done);
  struct Read {
    StoredBlock block;
    std::span<std::byte> into;  // its exact size
    bool good = false;
  };
  // Reads go before writes. With what was not good, nothing is known of the memory.
  void read(std::vector<Read> reads, std::function<void(std::vector<Read>)> done);

 private:
  struct Entry {
    StoredBlock block;
    uint64_t bytes = 0;
  };
  using Entries = std::list<Entry>;  // used longest ago first

  explicit PrefixStore(PrefixStoreOptions options) : options_(std::move(options)) {}

  Status open_folder();
  void run();
  bool read_file(const Read& read);
  bool write_file(const StoredBlock& block, const std::optional<StoredBlock>& parent,
                  std::span<const std::byte> content);
  bool make_room(uint64_t bytes, const std::optional<StoredBlock>& parent);
  void remember(const StoredBlock& block, uint64_t bytes, Entries::iterator before);
  void forget(const StoredBlock& block);

  PrefixStoreOptions options_;
  int folder_ = -1;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Entries entries_;
  std::map<StoredBlock, Entries::iterator> by_block_;
  PrefixStoreStats stats_;
  std::deque<std::function<void()>> reads_, writes_;
  std::vector<StoredBlock> touched_;  // whose files are still to be marked
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hearth::engine
