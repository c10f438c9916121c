// A conversation, as it is kept: a chat and the tree of its messages. Times are unix milliseconds, ids are
// opaque and are never used twice; an empty id, model or text means "none".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hearth::store {

// What a chat or a preset asks of a model; what is not set is left to the model.
struct ChatSettings {
  std::string system = {};
  std::optional<double> temperature = {};
  std::optional<double> top_p = {};
  std::optional<int64_t> top_k = {};
  std::optional<double> min_p = {};
  std::optional<double> repeat_penalty = {};
  std::optional<int64_t> max_tokens = {};
  std::optional<int64_t> seed = {};
  std::optional<bool> thinking = {};
  std::optional<int64_t> num_ctx = {};
  std::string preset = {};  // the id of the preset these came from

  bool operator==(const ChatSettings&) const = default;
};

struct Chat {
  std::string id = {};
  std::string title = {};
  bool titled_by_user = false;  // then no automatic title replaces it
  bool pinned = false;
  int64_t created = 0;
  int64_t updated = 0;  // when it last got a message or an answer ended
  std::string model = {};
  ChatSettings settings = {};
  std::string leaf = {};  // the message that ends the branch that is shown
  std::string draft = {};
  bool running = false;  // an answer is being written
};

enum class MessageRole { kUser, kAssistant };

enum class MessageStatus {
  kComplete,
  kRunning,
  kStopped,      // by the user; what was there is kept
  kInterrupted,  // the server ended first; likewise
  kFailed,       // likewise, and `error` says why
};

struct Attachment {
  std::string name = {};
  std::string text = {};

  bool operator==(const Attachment&) const = default;
};

struct ToolCallRecord {
  std::string id = {};
  std::string name = {};
  std::string arguments = {};  // JSON, as the model wrote it

  bool operator==(const ToolCallRecord&) const = default;
};

struct MessageError {
  std::string code = {};
  std::string message = {};

  bool operator==(const MessageError&) const = default;
};

struct MessageUsage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completion

  bool operator==(const MessageUsage&) const = default;
};

struct MessageTimings {
  double load_ms = 0;
  double queue_ms = 0;
  double prefill_ms = 0;
  double decode_ms = 0;
  double first_token_ms = 0;

  bool operator==(const MessageTimings&) const = default;
};

struct Message {
  std::string id = {};
  std::string chat = {};
  std::string parent = {};  // empty: it begins the chat. Several messages of one parent are branches.
  MessageRole role = MessageRole::kUser;
  std::string content = {};
  std::string reasoning = {};
  std::optional<int64_t> reasoning_ms = {};
  std::vector<ToolCallRecord> tool_calls = {};
  std::vector<Attachment> attachments = {};
  std::string model = {};
  MessageStatus status = MessageStatus::kComplete;
  std::string finish = {};  // "stop", "length", "tool_calls"
  std::optional<MessageError> error = {};
  std::optional<MessageUsage> usage = {};
  std::optional<MessageTimings> timings = {};
  int64_t created = 0;
};

// A chat with everything in it; parents come before their children.
struct WholeChat {
  Chat chat;
  std::vector<Message> messages = {};
};

struct Preset {
  std::string id = {};
  std::string name = {};
  std::string model = {};
  ChatSettings settings = {};

  bool operator==(const Preset&) const = default;
};

}  // namespace hearth::store
