// The part of ChatStore that is about messages.
#include <algorithm>
#include <unordered_map>

#include "base/random_id.h"
#include "store/chats/chat_json.h"
#include "store/chats/chat_rows.h"
#include "store/chats/chat_store.h"

namespace hearth::store {
namespace {

constexpr int kSeqBits = 16;                          // of messages.seq: for the counter below the time
constexpr int64_t kMaxTime = (int64_t{1} << 42) - 1;  // in the year 2109

tl::unexpected<Error> no_message(const std::string& id) {
  return fail(ErrorCategory::kNotFound, "there is no message \"{}\"", id);
}

tl::unexpected<Error> refuse(const Message& message, std::string_view why) {
  return fail(ErrorCategory::kInvalidArgument, "message \"{}\" {}", message.id, why);
}

std::string select_messages(std::string_view rest) {
  return fmt::format("SELECT {} FROM messages {}", kMessageColumns, rest);
}

}  // namespace

Result<std::vector<Message>> ChatStore::messages(const std::string& owner, const std::string& chat) {
  static const std::string sql = select_messages("WHERE chat = ? ORDER BY seq");
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const Chat found, find_chat(owner, chat));
  HEARTH_TRY(Statement rows, database_.query(sql.c_str(), found.id));
  return read_messages(std::move(rows));
}

Result<Message> ChatStore::message(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  return find_message(owner, id);
}

Result<std::vector<Message>> ChatStore::path(const std::string& owner, const std::string& id) {
  static const std::string sql =
      "WITH RECURSIVE up (id, parent) AS (SELECT id, parent FROM messages WHERE id = ?"
      " UNION SELECT above.id, above.parent FROM messages AS above JOIN up ON above.id = up.parent) " +
      select_messages("WHERE messages.id IN (SELECT id FROM up) ORDER BY seq");
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(const Message last, find_message(owner, id));
  HEARTH_TRY(Statement rows, database_.query(sql.c_str(), last.id));
  return read_messages(std::move(rows));
}

Result<Exchange> ChatStore::add_exchange(const std::string& owner, const std::string& chat,
                                         const std::string& parent, const NewMessage& message,
                                         const std::string& model) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_TRY(const Chat found, find_chat(owner, chat));
  int64_t parent_seq = -1;
  if (!parent.empty()) {
    HEARTH_TRY(const Message above, find_message(owner, parent));
    if (above.chat != chat) return refuse(above, "is in another chat");
    if (above.role != MessageRole::kAssistant) return refuse(above, "is no answer, so nothing can follow it");
    if (above.status == MessageStatus::kRunning) return refuse(above, "is still being written");
    HEARTH_TRY(parent_seq, seq_of(parent));
  }
  Exchange exchange;
  exchange.user.id = random_id("msg_");
  exchange.user.chat = chat;
  exchange.user.parent = parent;
  exchange.user.content = message.content;
  exchange.user.attachments = message.attachments;
  exchange.user.created = now();
  HEARTH_CHECK_OK(insert_message(exchange.user, parent_seq));
  HEARTH_TRY(exchange.answer, insert_answer(exchange.user, model, exchange.user.created));
  HEARTH_CHECK_OK(database_.run("UPDATE chats SET draft = '' WHERE id = ?", chat));
  HEARTH_CHECK_OK(transaction.commit());
  return exchange;
}

Result<Message> ChatStore::add_answer(const std::string& owner, const std::string& parent,
                                      const std::string& model) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_TRY(const Message question, find_message(owner, parent));
  if (question.role != MessageRole::kUser) return refuse(question, "is an answer itself");
  HEARTH_TRY(Message answer, insert_answer(question, model, now()));
  HEARTH_CHECK_OK(transaction.commit());
  return answer;
}

Result<Message> ChatStore::insert_answer(const Message& parent, const std::string& model, int64_t created) {
  Message answer;
  answer.id = random_id("msg_");
  answer.chat = parent.chat;
  answer.parent = parent.id;
  answer.role = MessageRole::kAssistant;
  answer.status = MessageStatus::kRunning;
  answer.model = model;
  answer.created = created;
  HEARTH_TRY(const int64_t parent_seq, seq_of(parent.id));
  HEARTH_CHECK_OK(insert_message(answer, parent_seq));
  HEARTH_CHECK_OK(set_leaf(answer.chat, answer.id, created));
  return answer;
}

Result<Message> ChatStore::resume_answer(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_TRY(Message answer, find_message(owner, id));
  if (answer.role != MessageRole::kAssistant) return refuse(answer, "is no answer");
  if (answer.status == MessageStatus::kRunning) return refuse(answer, "is still being written");
  answer.status = MessageStatus::kRunning;
  answer.finish.clear();
  answer.error.reset();
  answer.usage.reset();
  answer.timings.reset();
  HEARTH_CHECK_OK(database_.run("UPDATE messages SET status = 'running', outcome = '' WHERE id = ?", id));
  HEARTH_CHECK_OK(set_leaf(answer.chat, id, now()));
  HEARTH_CHECK_OK(transaction.commit());
  return answer;
}

Status ChatStore::update_answer(const std::string& id, const AnswerText& text) {
  const std::lock_guard lock(mutex_);
  HEARTH_CHECK_OK(database_.run(
      "UPDATE messages SET content = ?, reasoning = ?, reasoning_ms = ?, tool_calls = ? WHERE id = ?"
      " AND status = 'running'",
      text.content, text.reasoning, text.reasoning_ms, tool_calls_column(text.tool_calls), id));
  if (database_.n_changed() == 0) {
    return fail(ErrorCategory::kNotFound, "there is no running answer \"{}\"", id);
  }
  return {};
}

Result<Message> ChatStore::finish_answer(const std::string& id, const AnswerEnd& end) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_TRY(Message answer, find_message(id));
  answer.content = end.text.content;
  answer.reasoning = end.text.reasoning;
  answer.reasoning_ms = end.text.reasoning_ms;
  answer.tool_calls = end.text.tool_calls;
  answer.status = end.status;
  answer.finish = end.finish;
  answer.error = end.error;
  answer.usage = end.usage;
  answer.timings = end.timings;
  if (answer.role != MessageRole::kAssistant) return refuse(answer, "is no answer");
  if (answer.status == MessageStatus::kRunning) return refuse(answer, "cannot end as a running one");
  HEARTH_CHECK_OK(database_.run(
      "UPDATE messages SET content = ?, reasoning = ?, reasoning_ms = ?, tool_calls = ?, status = ?,"
      " outcome = ? WHERE id = ?",
      answer.content, answer.reasoning, answer.reasoning_ms, tool_calls_column(answer.tool_calls),
      name_of(answer.status), outcome_column(answer), id));
  HEARTH_CHECK_OK(database_.run("UPDATE chats SET updated = ? WHERE id = ?", now(), answer.chat));
  HEARTH_CHECK_OK(transaction.commit());
  return answer;
}

Result<Chat> ChatStore::remove_message(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  HEARTH_TRY(const Message message, find_message(owner, id));
  HEARTH_CHECK_OK(database_.run(
      "DELETE FROM messages WHERE id IN (WITH RECURSIVE below (id) AS (SELECT ? UNION"
      " SELECT child.id FROM messages AS child JOIN below ON child.parent = below.id AND child.parent <> '')"
      " SELECT id FROM below)",
      id));
  index_has_leftovers_ = true;
  HEARTH_TRY(Chat chat, find_chat(owner, message.chat));
  HEARTH_TRY(Statement leaf, database_.query("SELECT 1 FROM messages WHERE id = ?", chat.leaf));
  HEARTH_TRY(const bool leaf_is_left, leaf.step());
  if (!leaf_is_left) {
    // Of what follows the parent, or of the whole chat where it had none.
    HEARTH_TRY(Statement latest,
               database_.query("WITH RECURSIVE below (id) AS (SELECT id FROM messages WHERE chat = ?1"
                               " AND CASE ?2 WHEN '' THEN parent = '' ELSE id = ?2 END UNION"
                               " SELECT child.id FROM messages AS child JOIN below ON child.parent = below.id"
                               " AND child.parent <> '')"
                               " SELECT id FROM messages WHERE id IN (SELECT id FROM below)"
                               " ORDER BY seq DESC LIMIT 1",
                               message.chat, message.parent));
    HEARTH_TRY(const bool any, latest.step());
    chat.leaf = any ? latest.text(0) : std::string();
    HEARTH_CHECK_OK(database_.run("UPDATE chats SET leaf = ? WHERE id = ?", chat.leaf, chat.id));
  }
  HEARTH_CHECK_OK(transaction.commit());
  return chat;
}

Result<WholeChat> ChatStore::whole(const std::string& owner, const std::string& id) {
  static const std::string sql = select_messages("WHERE chat = ? ORDER BY seq");
  const std::lock_guard lock(mutex_);
  WholeChat whole;
  HEARTH_TRY(whole.chat, find_chat(owner, id));
  HEARTH_TRY(Statement rows, database_.query(sql.c_str(), id));
  HEARTH_TRY(whole.messages, read_messages(std::move(rows)));
  return whole;
}

Result<std::vector<std::string>> ChatStore::add_whole(const std::string& owner,
                                                      std::vector<WholeChat> chats) {
  const std::lock_guard lock(mutex_);
  HEARTH_TRY(Transaction transaction, Transaction::begin(database_));
  std::vector<std::string> ids;
  for (WholeChat& whole : chats) {
    struct Placed {
      std::string id;
      int64_t seq;
    };
    std::unordered_map<std::string, Placed> placed;  // by the old ids
    whole.chat.id = random_id("chat_");
    if (whole.chat.created <= 0) whole.chat.created = now();
    whole.chat.updated = std::max(whole.chat.updated, whole.chat.created);
    const std::string old_leaf = std::exchange(whole.chat.leaf, {});
    HEARTH_CHECK_OK(insert_chat(owner, whole.chat));
    for (Message& message : whole.messages) {
      const std::string old_id = std::exchange(message.id, random_id("msg_"));
      message.chat = whole.chat.id;
      int64_t parent_seq = -1;
      if (!message.parent.empty()) {
        const auto parent = placed.find(message.parent);
        if (parent == placed.end()) {
          return fail(ErrorCategory::kInvalidArgument, "message \"{}\" comes before its parent", old_id);
        }
        message.parent = parent->second.id;
        parent_seq = parent->second.seq;
      }
      if (message.status == MessageStatus::kRunning) message.status = MessageStatus::kInterrupted;
      if (message.created <= 0) message.created = whole.chat.created;
      HEARTH_TRY(const int64_t seq, insert_message(message, parent_seq));
      if (!placed.try_emplace(old_id, Placed{message.id, seq}).second) {
        return fail(ErrorCategory::kInvalidArgument, "there are two messages \"{}\"", old_id);
      }
      if (old_id == old_leaf) whole.chat.leaf = message.id;
    }
    if (whole.chat.leaf.empty() && !whole.messages.empty()) whole.chat.leaf = whole.messages.back().id;
    HEARTH_CHECK_OK(database_.run("UPDATE chats SET leaf = ? WHERE id = ?", whole.chat.leaf, whole.chat.id));
    ids.push_back(whole.chat.id);
  }
  HEARTH_CHECK_OK(transaction.commit());
  return ids;
}

Result<Message> ChatStore::find_message(const std::string& id) {
  static const std::string sql = select_messages("WHERE id = ?");
  HEARTH_TRY(Statement row, database_.query(sql.c_str(), id));
  HEARTH_TRY(std::vector<Message> found, read_messages(std::move(row)));
  if (found.empty()) return no_message(id);
  return std::move(found.front());
}

Result<Message> ChatStore::find_message(const std::string& owner, const std::string& id) {
  HEARTH_TRY(Message message, find_message(id));
  if (!find_chat(owner, message.chat)) return no_message(id);
  return message;
}

Result<std::vector<Message>> ChatStore::read_messages(Statement rows) {
  std::vector<Message> messages;
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) return messages;
    int64_t n_attachments = 0;
    HEARTH_TRY(Message message, message_of(rows, n_attachments));
    if (n_attachments > 0) HEARTH_CHECK_OK(read_attachments(message));
    messages.push_back(std::move(message));
  }
}

Status ChatStore::read_attachments(Message& message) {
  HEARTH_TRY(Statement rows, database_.query("SELECT name, text FROM attachments WHERE message = ?"
                                             " ORDER BY position",
                                             message.id));
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) return {};
    message.attachments.push_back({rows.text(0), rows.text(1)});
  }
}

Result<int64_t> ChatStore::seq_of(const std::string& message) {
  HEARTH_TRY(Statement row, database_.query("SELECT seq FROM messages WHERE id = ?", message));
  HEARTH_TRY(const bool exists, row.step());
  if (!exists) return no_message(message);
  return row.integer(0);
}

// A message always has a greater seq than its parent, also where a clock went back.
Result<int64_t> ChatStore::insert_message(const Message& message, int64_t parent_seq) {
  int64_t seq = std::max(std::clamp<int64_t>(message.created, 0, kMaxTime) << kSeqBits, parent_seq + 1);
  for (;;) {
    const int64_t next_block = ((seq >> kSeqBits) + 1) << kSeqBits;
    HEARTH_TRY(Statement last,
               database_.query("SELECT MAX(seq) FROM messages WHERE seq >= ? AND seq < ?", seq, next_block));
    HEARTH_CHECK_OK(last.step());
    const std::optional<int64_t> taken = last.optional_integer(0);
    if (!taken) break;
    seq = *taken + 1;
    if (seq < next_block) break;
  }
  HEARTH_CHECK_OK(database_.run(
      "INSERT INTO messages (seq, id, chat, parent, role, status, model, created, reasoning_ms, "
      "n_attachments,"
      " outcome, tool_calls, reasoning, content, owner_word) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?,"
      " (SELECT owner_word FROM chats WHERE id = ?))",
      seq, message.id, message.chat, message.parent, name_of(message.role), name_of(message.status),
      message.model, message.created, message.reasoning_ms, static_cast<int64_t>(message.attachments.size()),
      outcome_column(message), tool_calls_column(message.tool_calls), message.reasoning, message.content,
      message.chat));
  int64_t position = 0;
  for (const Attachment& attachment : message.attachments) {
    HEARTH_CHECK_OK(
        database_.run("INSERT INTO attachments (message, position, name, text) VALUES (?, ?, ?, ?)",
                      message.id, position++, attachment.name, attachment.text));
  }
  return seq;
}

Status ChatStore::set_leaf(const std::string& chat, const std::string& leaf, int64_t updated) {
  return database_.run("UPDATE chats SET leaf = ?, updated = ? WHERE id = ?", leaf, updated, chat);
}

}  // namespace hearth::store
