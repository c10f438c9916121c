// Conversations in hearth.db. Each owner sees their own; "" is the owner where no keys are asked for.
//
// Thread-safe. Every call may wait for the disk, so that I/O threads ask through api/worker.h. Each call is
// one transaction: it happens as a whole or not at all, also where the process is killed in the middle.
//
// An answer that is being written (status kRunning) goes this way:
//   add_exchange, add_answer or resume_answer    the row is there before the first token
//   update_answer, about once a second           so that a crash costs a second of text; one row is written
//   finish_answer, once                          with any other status; from now on search finds it
// Whoever writes it needs no owner for that, only the id it was given. Where the message is gone in the
// meantime (somebody deleted it), these are kNotFound: stop writing. A chat that is deleted but can still be
// restored takes updates as before.
//
// Errors beside what Database says: kNotFound, with the id, for what is not there or belongs to somebody
// else; kInvalidArgument for what breaks a rule below.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/chats/chat.h"
#include "store/database.h"
#include "store/file_lock.h"

namespace hearth::store {

struct ChatStoreOptions {
  int64_t keep_deleted_ms = 15 * 60 * 1000;   // how long what is deleted can be restored
  std::function<int64_t()> now_unix_ms = {};  // the system's clock by default
};

inline constexpr size_t kMaxTitleBytes = 4096;

struct NewChat {
  std::string title = {};  // empty: none yet, an automatic one may come; else it counts as the user's
  std::string model = {};
  ChatSettings settings = {};
};

// What is set is changed, the rest stays.
struct ChatChange {
  std::optional<std::string> title = {};  // the user's; an empty one gives the chat back to automatic titles
  std::optional<bool> pinned = {};
  std::optional<std::string> model = {};
  std::optional<ChatSettings> settings = {};
  std::optional<std::string> draft = {};
  std::optional<std::string> leaf = {};  // a message of this chat
};

struct ChatList {
  std::vector<Chat> chats = {};  // without drafts and settings
  std::string next = {};         // where the list goes on; empty: it ends here
};

struct NewMessage {
  std::string content = {};
  std::vector<Attachment> attachments = {};
};

struct Exchange {
  Message user;
  Message answer;
};

// All that is there of an answer so far, not what came since the last call.
struct AnswerText {
  std::string content = {};
  std::string reasoning = {};
  std::optional<int64_t> reasoning_ms = {};
  std::vector<ToolCallRecord> tool_calls = {};
};

struct AnswerEnd {
  AnswerText text = {};
  MessageStatus status = MessageStatus::kComplete;  // not kRunning
  std::string finish = {};
  std::optional<MessageError> error = {};
  std::optional<MessageUsage> usage = {};
  std::optional<MessageTimings> timings = {};
};

struct SnippetPart {
  std::string text = {};
  bool hit = false;

  bool operator==(const SnippetPart&) const = default;
};

struct SearchHit {
  std::string chat = {};
  std::string chat_title = {};
  std::string message = {};  // empty: the title is the hit
  MessageRole role = MessageRole::kUser;
  std::vector<SnippetPart> snippet = {};
  int64_t created = 0;
};

class ChatStore {
 public:
  // Answers that no process writes any more become kInterrupted: those of a process that was killed. While
  // another process has the file open, its answers stay as they are; so may those of a third that died
  // meanwhile, until finish_answer ends them.
  static Result<std::unique_ptr<ChatStore>> open(const std::filesystem::path& file,
                                                 ChatStoreOptions options = {});
  // The copy of the file that was made before its tables were changed; empty: there was no need.
  const std::filesystem::path& backup() const { return backup_; }

  // --- Chats
  Result<Chat> create(const std::string& owner, const NewChat& chat);
  Result<Chat> get(const std::string& owner, const std::string& id);
  // Pinned ones first, then the latest. `after` is the `next` of another list, or empty; a page begins behind
  // the place where that one ended, whatever has moved since. `limit` is 1 to 500.
  Result<ChatList> list(const std::string& owner, int64_t limit, const std::string& after = {});
  Result<Chat> change(const std::string& owner, const std::string& id, const ChatChange& change);
  // False: the chat has a title of the user's, or is not there; nothing was changed.
  Result<bool> set_automatic_title(const std::string& id, const std::string& title);

  // Deleted chats can be restored for a while; then purge() takes them.
  Status remove(const std::string& owner, const std::string& id);
  Result<Chat> restore(const std::string& owner, const std::string& id);
  // All chats; the token is what restore_all() wants.
  Result<std::string> remove_all(const std::string& owner);
  // How many came back.
  Result<int64_t> restore_all(const std::string& owner, const std::string& undo);
  // Removes for good what can no longer be restored, and its words from the indices for search, in steps of
  // some ten milliseconds. True: there is more to do, call again.
  Result<bool> purge();

  // --- Messages
  // All of a chat, all branches, oldest first; parents come before their children.
  Result<std::vector<Message>> messages(const std::string& owner, const std::string& chat);
  Result<Message> message(const std::string& owner, const std::string& id);
  // From the beginning of the chat to this message: what a model is asked.
  Result<std::vector<Message>> path(const std::string& owner, const std::string& id);
  // A user's message below `parent` (empty: it begins the chat) and the running answer to it, which becomes
  // the chat's leaf. The draft is emptied.
  Result<Exchange> add_exchange(const std::string& owner, const std::string& chat, const std::string& parent,
                                const NewMessage& message, const std::string& model);
  // Another running answer to a message of the user's: a sibling of those that are there. The new leaf.
  Result<Message> add_answer(const std::string& owner, const std::string& parent, const std::string& model);
  // An answer that has ended goes on; kInvalidArgument where it is running. What it ended with is forgotten.
  Result<Message> resume_answer(const std::string& owner, const std::string& id);
  Status update_answer(const std::string& id, const AnswerText& text);
  // Also of an answer that is not running: the last call counts.
  Result<Message> finish_answer(const std::string& id, const AnswerEnd& end);
  // The message and all that follow it, for good. Where the leaf was among them, the chat's latest message on
  // what is left of that branch takes its place. Returns the chat.
  Result<Chat> remove_message(const std::string& owner, const std::string& id);

  // --- Search
  // Titles first, then messages from the latest on. All words of the query must be there; the last one may be
  // the beginning of a word, of 3 letters at least. Nothing in a query has a special meaning. In Chinese,
  // Thai, Japanese and Korean, and for emoji, any run of characters is found. `limit` is 1 to 100.
  Result<std::vector<SearchHit>> search(const std::string& owner, const std::string& query, int64_t limit);

  // --- Presets
  Result<std::vector<Preset>> presets(const std::string& owner);
  // In this order, instead of those that were there.
  Status set_presets(const std::string& owner, const std::vector<Preset>& presets);

  // --- Whole chats
  Result<WholeChat> whole(const std::string& owner, const std::string& id);
  // Adds them under new ids, which are returned in their order; all or none. Times stay (without one it is
  // now), running answers become interrupted ones.
  Result<std::vector<std::string>> add_whole(const std::string& owner, std::vector<WholeChat> chats);

 private:
  ChatStore(Database database, FileLock presence, ChatStoreOptions options)
      : options_(std::move(options)), database_(std::move(database)), presence_(std::move(presence)) {}

  int64_t now() const { return options_.now_unix_ms(); }
  // Those below want mutex_ held.
  Result<Chat> find_chat(const std::string& owner, const std::string& id);
  Result<Message> find_message(const std::string& id);
  Result<Message> find_message(const std::string& owner, const std::string& id);
  Status insert_chat(const std::string& owner, const Chat& chat);
  // Returns its seq; `parent_seq` is that of its parent, -1 without one.
  Result<int64_t> insert_message(const Message& message, int64_t parent_seq);
  Result<int64_t> seq_of(const std::string& message);
  // The running answer to `parent`, as the new leaf.
  Result<Message> insert_answer(const Message& parent, const std::string& model, int64_t created);
  Status read_attachments(Message& message);
  Result<std::vector<Message>> read_messages(Statement rows);
  Status set_leaf(const std::string& chat, const std::string& leaf, int64_t updated);
  Status interrupt_running();
  Result<bool> purge_chats();
  Result<bool> merge_index(const char* command);

  const ChatStoreOptions options_;
  std::mutex mutex_;
  Database database_;
  FileLock presence_;  // shared, while this store is open: others see that somebody may be writing answers
  std::filesystem::path backup_;
  bool index_has_leftovers_ = false;  // words of messages that are gone
};

}  // namespace hearth::store
