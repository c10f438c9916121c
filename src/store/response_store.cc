#include "store/response_store.h"

#include <array>
#include <ctime>

namespace hearth::store {
namespace {

// The index on use carries the sizes, so that finding the room that is taken reads no row.
constexpr std::array<const char*, 1> kMigrations = {
    "CREATE TABLE responses ("
    " id TEXT PRIMARY KEY, owner TEXT NOT NULL, previous_id TEXT NOT NULL, used_at INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, json TEXT NOT NULL);"
    "CREATE INDEX responses_by_use ON responses (used_at, bytes);"
    "CREATE TABLE response_items ("
    " response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE, position INTEGER NOT NULL,"
    " is_output INTEGER NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL,"
    " PRIMARY KEY (response_id, position));"
    "CREATE INDEX response_items_by_id ON response_items (id);"};

int64_t bytes_of(const std::vector<StoredItem>& items) {
  size_t bytes = 0;
  for (const StoredItem& item : items) bytes += item.json.size();
  return static_cast<int64_t>(bytes);
}

int64_t bytes_of(const StoredResponse& response) {
  return static_cast<int64_t>(response.json.size()) + bytes_of(response.input) + bytes_of(response.output);
}

}  // namespace

Result<std::unique_ptr<ResponseStore>> ResponseStore::open(const std::filesystem::path& file,
                                                           ResponseStoreOptions options) {
  if (!options.now_unix_seconds) options.now_unix_seconds = [] { return int64_t{std::time(nullptr)}; };
  HEARTH_TRY(Database database, Database::open(file));
  if (auto migrated = database.migrate("responses", kMigrations); !migrated) {
    return propagate(std::move(migrated).error(), file.string());
  }
  return std::unique_ptr<ResponseStore>(new ResponseStore(std::move(database), std::move(options)));
}

Status ResponseStore::put(const StoredResponse& response) {
  const std::lock_guard lock(mutex_);
  const int64_t bytes = bytes_of(response);
  if (bytes > options_.max_bytes) {
    return fail(ErrorCategory::kInvalidArgument, "response {} has {} bytes, there is room for {}",
                response.id, bytes, options_.max_bytes);
  }
  const int64_t now = options_.now_unix_seconds();
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_CHECK_OK(database_.run(
      "INSERT INTO responses (id, owner, previous_id, used_at, bytes, json) VALUES (?, ?, ?, ?, ?, ?)",
      response.id, response.owner, response.previous_id, now, bytes, response.json));
  int64_t position = 0;
  for (const bool is_output : {false, true}) {
    for (const StoredItem& item : is_output ? response.output : response.input) {
      HEARTH_CHECK_OK(database_.run(
          "INSERT INTO response_items (response_id, position, is_output, id, json) VALUES (?, ?, ?, ?, ?)",
          response.id, position++, int64_t{is_output}, item.id, item.json));
    }
  }
  HEARTH_CHECK_OK(forget_old(now));
  return transaction.commit();
}

Result<StoredResponse> ResponseStore::get(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(StoredResponse response, find(owner, id, options_.now_unix_seconds()));
  HEARTH_CHECK_OK(read_items(response));
  return response;
}

Result<std::vector<StoredItem>> ResponseStore::history(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const int64_t now = options_.now_unix_seconds();
  std::vector<StoredResponse> turns;  // newest first
  int64_t bytes = 0;
  for (std::string next = id; !next.empty(); next = turns.back().previous_id) {
    HEARTH_TRY(StoredResponse turn, find(owner, next, now));
    HEARTH_CHECK_OK(read_items(turn));
    // One more than its text, so that a chain of empty turns has an end too.
    bytes += bytes_of(turn) + 1;
    if (bytes > options_.max_history_bytes) {
      return fail(ErrorCategory::kInvalidArgument, "the conversation that ends in {} has more than {} bytes",
                  id, options_.max_history_bytes);
    }
    turn.json.clear();
    turns.push_back(std::move(turn));
  }
  std::vector<StoredItem> items;
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn) {
    for (auto* list : {&turn->input, &turn->output}) {
      std::move(list->begin(), list->end(), std::back_inserter(items));
    }
  }
  return items;
}

Result<StoredItem> ResponseStore::item(const std::string& owner, const std::string& item_id) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Statement found,
             database_.query("SELECT response_items.json FROM response_items"
                             " JOIN responses ON responses.id = response_items.response_id"
                             " WHERE response_items.id = ? AND owner = ? AND used_at > ? LIMIT 1",
                             item_id, owner, options_.now_unix_seconds() - options_.keep_seconds));
  HEARTH_TRY(const bool exists, found.step());
  if (!exists) return fail(ErrorCategory::kNotFound, "item \"{}\" is not stored here", item_id);
  return StoredItem{item_id, found.text(0)};
}

Status ResponseStore::remove(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK_OK(database_.run("DELETE FROM responses WHERE id = ? AND owner = ?", id, owner));
  if (database_.n_changed() == 0) {
    return fail(ErrorCategory::kNotFound, "response \"{}\" is not stored here", id);
  }
  return {};
}

Status ResponseStore::forget_old(int64_t now) {
  HEARTH_CHECK_OK(database_.run("DELETE FROM responses WHERE used_at <= ?", now - options_.keep_seconds));
  int64_t excess = 0;
  {
    HEARTH_TRY(Statement total, database_.query("SELECT SUM(bytes) FROM responses"));
    HEARTH_TRY(const bool exists, total.step());
    if (exists) excess = total.integer(0) - options_.max_bytes;
  }
  while (excess > 0) {
    std::string id;
    {
      HEARTH_TRY(Statement oldest,
                 database_.query("SELECT id, bytes FROM responses ORDER BY used_at, rowid LIMIT 1"));
      HEARTH_TRY(const bool exists, oldest.step());
      if (!exists) break;
      id = oldest.text(0);
      excess -= oldest.integer(1);
    }
    HEARTH_CHECK_OK(database_.run("DELETE FROM responses WHERE id = ?", id));
  }
  return {};
}

Result<StoredResponse> ResponseStore::find(const std::string& owner, const std::string& id, int64_t now) {
  StoredResponse response;
  int64_t used_at = 0;
  {
    HEARTH_TRY(Statement found, database_.query("SELECT previous_id, json, used_at FROM responses"
                                                " WHERE id = ? AND owner = ? AND used_at > ?",
                                                id, owner, now - options_.keep_seconds));
    HEARTH_TRY(const bool exists, found.step());
    if (!exists) return fail(ErrorCategory::kNotFound, "response \"{}\" is not stored here", id);
    response.id = id;
    response.owner = owner;
    response.previous_id = found.text(0);
    response.json = found.text(1);
    used_at = found.integer(2);
  }
  if (used_at < now) HEARTH_CHECK_OK(database_.run("UPDATE responses SET used_at = ? WHERE id = ?", now, id));
  return response;
}

Status ResponseStore::read_items(StoredResponse& response) {
  HEARTH_TRY(Statement items, database_.query("SELECT is_output, id, json FROM response_items"
                                              " WHERE response_id = ? ORDER BY position",
                                              response.id));
  for (;;) {
    HEARTH_TRY(const bool more, items.step());
    if (!more) return {};
    auto& list = items.integer(0) != 0 ? response.output : response.input;
    list.push_back({items.text(1), items.text(2)});
  }
}

}  // namespace hearth::store
