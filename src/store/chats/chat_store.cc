#include "store/chats/chat_store.h"

#include <charconv>
#include <chrono>

#include "base/random_id.h"
#include "store/chats/chat_rows.h"

namespace hearth::store {
namespace {

int64_t system_now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

tl::unexpected<Error> no_chat(const std::string& id) {
  return fail(ErrorCategory::kNotFound, "there is no chat \"{}\"", id);
}

Status check_title(const std::string& title) {
  if (title.size() <= kMaxTitleBytes) return {};
  return fail(ErrorCategory::kInvalidArgument, "a title may have {} bytes, this one has {}", kMaxTitleBytes,
              title.size());
}

// The place of a chat in a list: what the list is sorted by.
struct Place {
  int64_t pinned = 0, updated = 0, seq = 0;
};

std::string written(const Place& place) {
  return fmt::format("{}.{}.{}", place.pinned, place.updated, place.seq);
}

Result<Place> parse_place(const std::string& text) {
  Place place;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int64_t* part : {&place.pinned, &place.updated, &place.seq}) {
    const auto [next, error] = std::from_chars(at, end, *part);
    const bool last = part == &place.seq;
    if (error != std::errc() || (last ? next != end : next == end || *next != '.')) {
      return fail(ErrorCategory::kInvalidArgument,
                  "this is not where a list of chats ended; begin without it");
    }
    at = next + 1;
  }
  return place;
}

}  // namespace

Result<std::unique_ptr<ChatStore>> ChatStore::open(const std::filesystem::path& file,
                                                   ChatStoreOptions options) {
  if (!options.now_unix_ms) options.now_unix_ms = system_now_ms;
  HEARTH_TRY(Database database, Database::open(file));
  // The triggers that keep the indices: older SQLite does not count FTS5 among what a schema may use by
  // itself.
  HEARTH_CHECK_OK(database.run("PRAGMA trusted_schema = ON"));
  auto migration = database.migrate("chats", chat_migrations());
  if (!migration) return propagate(std::move(migration).error(), file.string());

  std::filesystem::path lock_file = file;
  lock_file += ".chats-open";
  HEARTH_TRY(std::optional<FileLock> alone, FileLock::attempt(lock_file, FileLock::Kind::kExclusive));
  const bool nobody_writes = alone.has_value();
  alone.reset();
  HEARTH_TRY(FileLock presence, FileLock::wait(lock_file, FileLock::Kind::kShared));
  std::unique_ptr<ChatStore> store(
      new ChatStore(std::move(database), std::move(presence), std::move(options)));
  store->backup_ = migration->backup;
  if (nobody_writes) {
    const std::lock_guard lock(store->mutex_);
    HEARTH_CHECK_OK(store->interrupt_running());
  }
  return store;
}

Result<Chat> ChatStore::create(const std::string& owner, const NewChat& wanted) {
  HEARTH_CHECK_OK(check_title(wanted.title));
  const std::lock_guard lock(mutex_);
  Chat chat;
  chat.id = random_id("chat_");
  chat.title = wanted.title;
  chat.titled_by_user = !wanted.title.empty();
  chat.created = chat.updated = now();
  chat.model = wanted.model;
  chat.settings = wanted.settings;
  HEARTH_CHECK_OK(insert_chat(owner, chat));
  return chat;
}

Result<Chat> ChatStore::get(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  return find_chat(owner, id);
}

Result<ChatList> ChatStore::list(const std::string& owner, int64_t limit, const std::string& after) {
  if (limit < 1 || limit > 500) return fail(ErrorCategory::kInvalidArgument, "limit must be 1 to 500");
  Place place{.pinned = 2};  // before all
  if (!after.empty()) {
    HEARTH_TRY(place, parse_place(after));
  }
  static const std::string sql = fmt::format(
      "SELECT {}, seq FROM chats WHERE owner = ? AND deleted = 0"
      " AND (pinned, updated, seq) < (?, ?, ?)"
      " ORDER BY pinned DESC, updated DESC, seq DESC LIMIT ?",
      kChatSummaryColumns);
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Statement rows,
             database_.query(sql.c_str(), owner, place.pinned, place.updated, place.seq, limit + 1));
  ChatList list;
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) return list;
    if (list.chats.size() == static_cast<size_t>(limit)) {
      list.next = written(place);
      return list;
    }
    list.chats.push_back(chat_summary_of(rows));
    const Chat& chat = list.chats.back();
    place = {.pinned = chat.pinned, .updated = chat.updated, .seq = rows.integer(9)};
  }
}

Result<Chat> ChatStore::change(const std::string& owner, const std::string& id, const ChatChange& change) {
  if (change.title) HEARTH_CHECK_OK(check_title(*change.title));
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_TRY(Chat chat, find_chat(owner, id));
  if (change.title && (*change.title != chat.title || !chat.titled_by_user)) {
    chat.title = *change.title;
    chat.titled_by_user = !chat.title.empty();
    HEARTH_CHECK_OK(database_.run("UPDATE chats SET title = ?, titled_by_user = ? WHERE id = ?", chat.title,
                                  int64_t{chat.titled_by_user}, id));
  }
  if (change.pinned) chat.pinned = *change.pinned;
  if (change.model) chat.model = *change.model;
  if (change.settings) chat.settings = *change.settings;
  if (change.draft) chat.draft = *change.draft;
  if (change.leaf && *change.leaf != chat.leaf) {
    HEARTH_TRY(const Message leaf, find_message(*change.leaf));
    if (leaf.chat != id) {
      return fail(ErrorCategory::kInvalidArgument, "message \"{}\" is not in chat \"{}\"", leaf.id, id);
    }
    chat.leaf = leaf.id;
  }
  HEARTH_CHECK_OK(database_.run(
      "UPDATE chats SET pinned = ?, model = ?, settings = ?, draft = ?, leaf = ? WHERE id = ?",
      int64_t{chat.pinned}, chat.model, settings_column(chat.settings), chat.draft, chat.leaf, id));
  HEARTH_CHECK_OK(transaction.commit());
  return chat;
}

Result<bool> ChatStore::set_automatic_title(const std::string& id, const std::string& title) {
  HEARTH_CHECK_OK(check_title(title));
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK_OK(database_.run("UPDATE chats SET title = ? WHERE id = ? AND titled_by_user = 0", title, id));
  return database_.n_changed() > 0;
}

Status ChatStore::remove(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK_OK(
      database_.run("UPDATE chats SET deleted = ?, undo = '' WHERE id = ? AND owner = ? AND deleted = 0",
                    now(), id, owner));
  if (database_.n_changed() == 0) return no_chat(id);
  return {};
}

Result<Chat> ChatStore::restore(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_CHECK_OK(
      database_.run("UPDATE chats SET deleted = 0, undo = '' WHERE id = ? AND owner = ? AND deleted > ?", id,
                    owner, now() - options_.keep_deleted_ms));
  HEARTH_TRY(Chat chat, find_chat(owner, id));
  HEARTH_CHECK_OK(transaction.commit());
  return chat;
}

Result<std::string> ChatStore::remove_all(const std::string& owner) {
  std::string undo = random_id("undo_");
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK_OK(database_.run("UPDATE chats SET deleted = ?, undo = ? WHERE owner = ? AND deleted = 0",
                                now(), undo, owner));
  return undo;
}

Result<int64_t> ChatStore::restore_all(const std::string& owner, const std::string& undo) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK_OK(database_.run(
      "UPDATE chats SET deleted = 0, undo = '' WHERE owner = ? AND undo = ? AND undo <> '' AND deleted > ?",
      owner, undo, now() - options_.keep_deleted_ms));
  const int64_t n_restored = database_.n_changed();
  if (n_restored == 0) {
    return fail(ErrorCategory::kNotFound, "there is nothing left that this deletion could be undone for");
  }
  return n_restored;
}

Result<bool> ChatStore::purge() {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const bool more_chats, purge_chats());
  if (more_chats) return true;
  if (!index_has_leftovers_) return false;
  HEARTH_TRY(const bool more_words,
             merge_index("INSERT INTO message_index (message_index, rank) VALUES ('merge', -200)"));
  HEARTH_TRY(const bool more_titles,
             merge_index("INSERT INTO chat_index (chat_index, rank) VALUES ('merge', -200)"));
  index_has_leftovers_ = more_words || more_titles;
  return index_has_leftovers_;
}

Result<bool> ChatStore::purge_chats() {
  constexpr int64_t kMessagesAtOnce = 300;
  const int64_t expired = now() - options_.keep_deleted_ms;
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  for (int64_t left = kMessagesAtOnce; left > 0;) {
    std::string id;
    {
      HEARTH_TRY(Statement chat, database_.query("SELECT id FROM chats WHERE deleted <> 0 AND deleted <= ?"
                                                 " ORDER BY deleted LIMIT 1",
                                                 expired));
      HEARTH_TRY(const bool exists, chat.step());
      if (!exists) {
        HEARTH_CHECK_OK(transaction.commit());
        return false;
      }
      id = chat.text(0);
    }
    index_has_leftovers_ = true;
    HEARTH_CHECK_OK(
        database_.run("DELETE FROM messages WHERE seq IN"
                      " (SELECT seq FROM messages WHERE chat = ? LIMIT ?)",
                      id, left));
    left -= database_.n_changed();
    if (left <= 0) break;
    HEARTH_CHECK_OK(database_.run("DELETE FROM chats WHERE id = ?", id));
    --left;
  }
  HEARTH_CHECK_OK(transaction.commit());
  return true;
}

// FTS5 does a part of the work and says by the number of changes whether there was any.
Result<bool> ChatStore::merge_index(const char* command) {
  const int64_t before = database_.n_changed_in_all();
  HEARTH_CHECK_OK(database_.run(command));
  return database_.n_changed_in_all() - before >= 2;
}

Result<std::vector<Preset>> ChatStore::presets(const std::string& owner) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Statement rows, database_.query("SELECT id, name, model, settings FROM presets WHERE owner = ?"
                                             " ORDER BY position",
                                             owner));
  std::vector<Preset> presets;
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) return presets;
    HEARTH_TRY(ChatSettings settings, parse_settings_column(rows.text(3), rows.text(0)));
    presets.push_back({rows.text(0), rows.text(1), rows.text(2), std::move(settings)});
  }
}

Status ChatStore::set_presets(const std::string& owner, const std::vector<Preset>& presets) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_CHECK_OK(database_.run("DELETE FROM presets WHERE owner = ?", owner));
  int64_t position = 0;
  for (const Preset& preset : presets) {
    HEARTH_CHECK_OK(database_.run(
        "INSERT INTO presets (owner, position, id, name, model, settings) VALUES (?, ?, ?, ?, ?, ?)", owner,
        position++, preset.id, preset.name, preset.model, settings_column(preset.settings)));
  }
  return transaction.commit();
}

Result<Chat> ChatStore::find_chat(const std::string& owner, const std::string& id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM chats WHERE id = ? AND owner = ? AND deleted = 0", kChatColumns);
  HEARTH_TRY(Statement row, database_.query(sql.c_str(), id, owner));
  HEARTH_TRY(const bool exists, row.step());
  if (!exists) return no_chat(id);
  return chat_of(row);
}

Status ChatStore::insert_chat(const std::string& owner, const Chat& chat) {
  return database_.run(
      "INSERT INTO chats (id, owner, owner_word, title, titled_by_user, pinned, created, updated, model, "
      "leaf,"
      " settings, draft) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      chat.id, owner, owner_word(owner), chat.title, int64_t{chat.titled_by_user}, int64_t{chat.pinned},
      chat.created, chat.updated, chat.model, chat.leaf, settings_column(chat.settings), chat.draft);
}

Status ChatStore::interrupt_running() {
  return database_.run("UPDATE messages SET status = 'interrupted' WHERE status = 'running'");
}

}  // namespace hearth::store
