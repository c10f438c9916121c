// Answers of the Responses API and what they answered, so that a client can go on from one by naming it. Each
// is seen by its owner alone. They are kept until nobody has used them for a while, or the room is needed for
// newer ones.
//
// The JSON in here is the API's own and is not looked into.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "store/database.h"

namespace hearth::store {

struct StoredItem {
  std::string id;
  std::string json;
};

struct StoredResponse {
  std::string id;
  std::string owner;
  std::string previous_id;  // the response this one went on from; empty = none
  std::string json;         // without its output
  std::vector<StoredItem> input;
  std::vector<StoredItem> output;
};

struct ResponseStoreOptions {
  int64_t keep_seconds = 30 * 24 * 3600;           // after the last use
  int64_t max_bytes = int64_t{1} << 30;            // of all JSON together
  int64_t max_history_bytes = int64_t{64} << 20;   // of one conversation
  std::function<int64_t()> now_unix_seconds = {};  // the system's clock by default
};

// Thread-safe; every call may wait for the disk. Beside what Database says: kNotFound, with the id, for what
// is not there, belongs to somebody else, or has been forgotten.
class ResponseStore {
 public:
  static Result<std::unique_ptr<ResponseStore>> open(const std::filesystem::path& file,
                                                     ResponseStoreOptions options = {});

  // kInvalidArgument: larger than all the room there is.
  Status put(const StoredResponse& response);
  Result<StoredResponse> get(const std::string& owner, const std::string& id);
  // The whole conversation that ends in this response, oldest first: what was asked and answered, in turn.
  // kInvalidArgument: longer than max_history_bytes.
  Result<std::vector<StoredItem>> history(const std::string& owner, const std::string& id);
  Result<StoredItem> item(const std::string& owner, const std::string& item_id);
  Status remove(const std::string& owner, const std::string& id);

 private:
  ResponseStore(Database database, ResponseStoreOptions options)
      : options_(std::move(options)), database_(std::move(database)) {}

  Status forget_old(int64_t now);
  // The response without its items; looking counts as a use.
  Result<StoredResponse> find(const std::string& owner, const std::string& id, int64_t now);
  Status read_items(StoredResponse& response);

  const ResponseStoreOptions options_;
  std::mutex mutex_;
  Database database_;
};

}  // namespace hearth::store
