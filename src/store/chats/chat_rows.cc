#include "store/chats/chat_rows.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "store/chats/chat_json.h"

namespace hearth::store {
namespace {

// messages.seq is the time of creation, times 2^16, and a counter: rows of a chat lie together, and the index
// for search can be walked from the latest message on. The owner's word is indexed beside the text, so that
// nobody waits for the hits of others to be passed over. Beginnings of three and four letters have indices of
// their own, as those of frequent words would take a fifth of a second in 200,000 messages. An answer enters
// that index when it has ended, so that writing it down every second stays cheap.
//
// Branches have no foreign key to their parent: deleting along one nests as deep as the chat is long.
constexpr std::array<const char*, 1> kMigrations = {
    "CREATE TABLE chats ("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, owner_word TEXT NOT NULL,"
    " title TEXT NOT NULL,"
    " titled_by_user INTEGER NOT NULL, pinned INTEGER NOT NULL, created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL, model TEXT NOT NULL, leaf TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,"
    " undo TEXT NOT NULL DEFAULT '', settings TEXT NOT NULL, draft TEXT NOT NULL);"
    "CREATE INDEX chats_in_order ON chats (owner, pinned DESC, updated DESC, seq DESC) WHERE deleted = 0;"
    "CREATE INDEX chats_deleted ON chats (deleted) WHERE deleted <> 0;"

    "CREATE TABLE messages ("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " chat TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE, parent TEXT NOT NULL, role TEXT NOT NULL,"
    " status TEXT NOT NULL, model TEXT NOT NULL, created INTEGER NOT NULL, owner_word TEXT NOT NULL,"
    " reasoning_ms INTEGER,"
    " n_attachments INTEGER NOT NULL, outcome TEXT NOT NULL, tool_calls TEXT NOT NULL, reasoning TEXT NOT "
    "NULL,"
    " content TEXT NOT NULL);"
    "CREATE INDEX messages_by_chat ON messages (chat);"
    "CREATE INDEX messages_by_parent ON messages (parent) WHERE parent <> '';"
    "CREATE INDEX messages_running ON messages (chat) WHERE status = 'running';"

    "CREATE TABLE attachments ("
    " message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE, position INTEGER NOT NULL,"
    " name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (message, position)) WITHOUT ROWID;"

    "CREATE TABLE presets ("
    " owner TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,"
    " model TEXT NOT NULL, settings TEXT NOT NULL, PRIMARY KEY (owner, position)) WITHOUT ROWID;"

    "CREATE VIRTUAL TABLE chat_index USING fts5"
    " (title, owner_word, content = 'chats', content_rowid = 'seq', tokenize = 'hearth');"
    "CREATE VIRTUAL TABLE message_index USING fts5"
    " (content, owner_word, content = 'messages', content_rowid = 'seq', tokenize = 'hearth', prefix = '3 "
    "4');"

    "CREATE TRIGGER chat_added AFTER INSERT ON chats BEGIN"
    " INSERT INTO chat_index (rowid, title, owner_word) VALUES (new.seq, new.title, new.owner_word); END;"
    "CREATE TRIGGER chat_renamed AFTER UPDATE OF title ON chats BEGIN"
    " INSERT INTO chat_index (chat_index, rowid, title, owner_word)"
    "  VALUES ('delete', old.seq, old.title, old.owner_word);"
    " INSERT INTO chat_index (rowid, title, owner_word) VALUES (new.seq, new.title, new.owner_word); END;"
    "CREATE TRIGGER chat_gone AFTER DELETE ON chats BEGIN"
    " INSERT INTO chat_index (chat_index, rowid, title, owner_word)"
    "  VALUES ('delete', old.seq, old.title, old.owner_word); END;"
    "CREATE TRIGGER message_added AFTER INSERT ON messages WHEN new.status <> 'running' BEGIN"
    " INSERT INTO message_index (rowid, content, owner_word)"
    "  VALUES (new.seq, new.content, new.owner_word); END;"
    "CREATE TRIGGER message_changed AFTER UPDATE OF content, status ON messages"
    " WHEN old.status <> 'running' OR new.status <> 'running' BEGIN"
    " INSERT INTO message_index (message_index, rowid, content, owner_word)"
    "  SELECT 'delete', old.seq, old.content, old.owner_word WHERE old.status <> 'running';"
    " INSERT INTO message_index (rowid, content, owner_word)"
    "  SELECT new.seq, new.content, new.owner_word WHERE new.status <> 'running'; END;"
    "CREATE TRIGGER message_gone AFTER DELETE ON messages WHEN old.status <> 'running' BEGIN"
    " INSERT INTO message_index (message_index, rowid, content, owner_word)"
    "  VALUES ('delete', old.seq, old.content, old.owner_word); END;"};

std::string written(const ChatJson& json) {
  return json.dump(-1, ' ', false, ChatJson::error_handler_t::replace);
}

Result<ChatJson> parsed(const std::string& column, std::string_view id) {
  ChatJson json = ChatJson::parse(column, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCategory::kCorrupt, "the database: the row of {} is damaged", id);
  return json;
}

std::string text_or_empty(const ChatJson& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

template <typename T>
T number_or_zero(const ChatJson& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number() ? found->get<T>() : T{};
}

void read_outcome(const ChatJson& json, Message& message) {
  message.finish = text_or_empty(json, "finish");
  if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
    message.error = {text_or_empty(*error, "code"), text_or_empty(*error, "message")};
  }
  if (const auto usage = json.find("usage"); usage != json.end() && usage->is_object()) {
    message.usage = {.prompt_tokens = number_or_zero<int64_t>(*usage, "prompt_tokens"),
                     .cached_tokens = number_or_zero<int64_t>(*usage, "cached_tokens"),
                     .completion_tokens = number_or_zero<int64_t>(*usage, "completion_tokens"),
                     .reasoning_tokens = number_or_zero<int64_t>(*usage, "reasoning_tokens")};
  }
  if (const auto timings = json.find("timings"); timings != json.end() && timings->is_object()) {
    message.timings = {.load_ms = number_or_zero<double>(*timings, "load_ms"),
                       .queue_ms = number_or_zero<double>(*timings, "queue_ms"),
                       .prefill_ms = number_or_zero<double>(*timings, "prefill_ms"),
                       .decode_ms = number_or_zero<double>(*timings, "decode_ms"),
                       .first_token_ms = number_or_zero<double>(*timings, "first_token_ms")};
  }
}

}  // namespace

std::span<const char* const> chat_migrations() {
  return kMigrations;
}

std::string owner_word(const std::string& owner) {
  constexpr size_t kDigits = 16;
  return "o" + to_hex(sha256({std::as_bytes(std::span(owner))})).substr(0, kDigits);
}

std::string settings_column(const ChatSettings& settings) {
  return written(to_json(settings));
}

Result<ChatSettings> parse_settings_column(const std::string& column, std::string_view id) {
  HEARTH_TRY(const ChatJson json, parsed(column, id));
  auto settings = parse_settings(json);
  if (settings) return settings;
  return fail(ErrorCategory::kCorrupt, "the database: {}: {}", id, settings.error().message);
}

std::string tool_calls_column(const std::vector<ToolCallRecord>& calls) {
  if (calls.empty()) return {};
  ChatJson json = ChatJson::array();
  for (const ToolCallRecord& call : calls) {
    json.push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
  }
  return written(json);
}

std::string outcome_column(const Message& message) {
  const ChatJson whole = to_json(message);
  ChatJson outcome = ChatJson::object();
  for (const char* name : {"finish", "error", "usage", "timings"}) {
    if (!whole[name].is_null()) outcome[name] = whole[name];
  }
  return outcome.empty() ? std::string() : written(outcome);
}

Chat chat_summary_of(const Statement& row) {
  return {.id = row.text(0),
          .title = row.text(1),
          .titled_by_user = row.integer(2) != 0,
          .pinned = row.integer(3) != 0,
          .created = row.integer(4),
          .updated = row.integer(5),
          .model = row.text(6),
          .settings = {},
          .leaf = row.text(7),
          .draft = {},
          .running = row.integer(8) != 0};
}

Result<Chat> chat_of(const Statement& row) {
  Chat chat = chat_summary_of(row);
  HEARTH_TRY(chat.settings, parse_settings_column(row.text(9), chat.id));
  chat.draft = row.text(10);
  return chat;
}

Result<Message> message_of(const Statement& row, int64_t& n_attachments) {
  Message message;
  message.id = row.text(0);
  message.chat = row.text(1);
  message.parent = row.text(2);
  message.role = row.text(3) == name_of(MessageRole::kUser) ? MessageRole::kUser : MessageRole::kAssistant;
  message.content = row.text(4);
  message.reasoning = row.text(5);
  message.reasoning_ms = row.optional_integer(6);
  if (const std::string calls = row.text(7); !calls.empty()) {
    HEARTH_TRY(const ChatJson json, parsed(calls, message.id));
    for (const ChatJson& call : json) {
      if (!call.is_object()) continue;
      message.tool_calls.push_back(
          {text_or_empty(call, "id"), text_or_empty(call, "name"), text_or_empty(call, "arguments")});
    }
  }
  message.model = row.text(8);
  message.status = status_of(row.text(9));
  if (const std::string outcome = row.text(10); !outcome.empty()) {
    HEARTH_TRY(const ChatJson json, parsed(outcome, message.id));
    read_outcome(json, message);
  }
  message.created = row.integer(11);
  n_attachments = row.integer(12);
  return message;
}

}  // namespace hearth::store
