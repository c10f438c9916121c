#include "store/chats/chat_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/random_id.h"

namespace hearth::store {
namespace {

// The ranges are those that requests of the other dialects have.
struct NumberMember {
  const char* name;
  std::optional<double> ChatSettings::*member;
  double low, high;
};
constexpr NumberMember kNumbers[] = {
    {"temperature", &ChatSettings::temperature, 0, 100},
    {"top_p", &ChatSettings::top_p, 0, 1},
    {"min_p", &ChatSettings::min_p, 0, 1},
    {"repeat_penalty", &ChatSettings::repeat_penalty, 0.01, 100},
};
struct IntegerMember {
  const char* name;
  std::optional<int64_t> ChatSettings::*member;
  int64_t low, high;
};
constexpr IntegerMember kIntegers[] = {
    {"top_k", &ChatSettings::top_k, 0, 1'000'000'000},
    {"max_tokens", &ChatSettings::max_tokens, 1, INT32_MAX},
    {"seed", &ChatSettings::seed, INT64_MIN, INT64_MAX},
    {"num_ctx", &ChatSettings::num_ctx, 1, INT32_MAX},
};

template <typename T>
ChatJson or_null(const std::optional<T>& value) {
  return value ? ChatJson(*value) : ChatJson();
}
ChatJson or_null(const std::string& text) {
  return text.empty() ? ChatJson() : ChatJson(text);
}

template <typename Table, typename Name>
const auto* find_member(const Table& table, const Name& name) {
  const auto* found = std::begin(table);
  while (found != std::end(table) && name != found->name) ++found;
  return found == std::end(table) ? nullptr : found;
}

tl::unexpected<Error> refuse(std::string_view member, std::string_view must) {
  return fail(ErrorCategory::kInvalidArgument, "{} must be {}", member, must);
}

Result<std::string> text_of(std::string_view member, const ChatJson& value) {
  if (value.is_null()) return std::string();
  if (!value.is_string()) return refuse(member, "a string");
  return value.get<std::string>();
}

Status read_member(const std::string& name, const ChatJson& value, ChatSettings& settings) {
  if (name == "system" || name == "preset") {
    HEARTH_TRY((name == "system" ? settings.system : settings.preset), text_of(name, value));
    return {};
  }
  if (name == "thinking") {
    if (value.is_null()) return {};
    if (!value.is_boolean()) return refuse(name, "true, false or null");
    settings.thinking = value.get<bool>();
    return {};
  }
  if (const auto* number = find_member(kNumbers, name)) {
    if (value.is_null()) return {};
    if (!value.is_number() || !(value.get<double>() >= number->low) || !(value.get<double>() <= number->high))
      return refuse(name, fmt::format("a number from {} to {}", number->low, number->high));
    settings.*number->member = value.get<double>();
    return {};
  }
  if (const auto* integer = find_member(kIntegers, name)) {
    if (value.is_null()) return {};
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) &&
                      value.get<int64_t>() >= integer->low && value.get<int64_t>() <= integer->high;
    if (!fits) return refuse(name, fmt::format("a whole number from {} to {}", integer->low, integer->high));
    settings.*integer->member = value.get<int64_t>();
    return {};
  }
  return fail(ErrorCategory::kInvalidArgument, "there is no setting \"{}\"", name.substr(0, 100));
}

}  // namespace

std::string_view name_of(MessageRole role) {
  return role == MessageRole::kUser ? "user" : "assistant";
}

std::string_view name_of(MessageStatus status) {
  switch (status) {
    case MessageStatus::kComplete:
      return "complete";
    case MessageStatus::kRunning:
      return "running";
    case MessageStatus::kStopped:
      return "stopped";
    case MessageStatus::kInterrupted:
      return "interrupted";
    case MessageStatus::kFailed:
      break;
  }
  return "failed";
}

MessageStatus status_of(std::string_view name) {
  for (const auto status : {MessageStatus::kRunning, MessageStatus::kStopped, MessageStatus::kInterrupted,
                            MessageStatus::kFailed}) {
    if (name == name_of(status)) return status;
  }
  return MessageStatus::kComplete;
}

ChatJson to_json(const ChatSettings& settings) {
  return {{"system", settings.system},
          {"temperature", or_null(settings.temperature)},
          {"top_p", or_null(settings.top_p)},
          {"top_k", or_null(settings.top_k)},
          {"min_p", or_null(settings.min_p)},
          {"repeat_penalty", or_null(settings.repeat_penalty)},
          {"max_tokens", or_null(settings.max_tokens)},
          {"seed", or_null(settings.seed)},
          {"thinking", or_null(settings.thinking)},
          {"num_ctx", or_null(settings.num_ctx)},
          {"preset", or_null(settings.preset)}};
}

ChatJson to_summary_json(const Chat& chat) {
  return {{"id", chat.id},
          {"title", chat.title},
          {"title_by", chat.titled_by_user ? "user" : "auto"},
          {"pinned", chat.pinned},
          {"created", chat.created},
          {"updated", chat.updated},
          {"model", or_null(chat.model)},
          {"leaf", or_null(chat.leaf)},
          {"running", chat.running}};
}

ChatJson to_json(const Chat& chat) {
  ChatJson json = to_summary_json(chat);
  json["settings"] = to_json(chat.settings);
  json["draft"] = chat.draft;
  return json;
}

ChatJson to_json(const Message& message) {
  ChatJson calls = ChatJson::array();
  for (const ToolCallRecord& call : message.tool_calls) {
    calls.push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
  }
  ChatJson attachments = ChatJson::array();
  for (const Attachment& attachment : message.attachments) {
    attachments.push_back({{"name", attachment.name}, {"text", attachment.text}});
  }
  ChatJson error, usage, timings;
  if (message.error) error = {{"code", message.error->code}, {"message", message.error->message}};
  if (message.usage) {
    usage = {{"prompt_tokens", message.usage->prompt_tokens},
             {"cached_tokens", message.usage->cached_tokens},
             {"completion_tokens", message.usage->completion_tokens},
             {"reasoning_tokens", message.usage->reasoning_tokens}};
  }
  if (message.timings) {
    timings = {{"load_ms", message.timings->load_ms},
               {"queue_ms", message.timings->queue_ms},
               {"prefill_ms", message.timings->prefill_ms},
               {"decode_ms", message.timings->decode_ms},
               {"first_token_ms", message.timings->first_token_ms}};
  }
  return {{"id", message.id},
          {"chat", message.chat},
          {"parent", or_null(message.parent)},
          {"role", name_of(message.role)},
          {"content", message.content},
          {"reasoning", message.reasoning},
          {"reasoning_ms", or_null(message.reasoning_ms)},
          {"tool_calls", std::move(calls)},
          {"attachments", std::move(attachments)},
          {"model", or_null(message.model)},
          {"status", name_of(message.status)},
          {"finish", or_null(message.finish)},
          {"error", std::move(error)},
          {"usage", std::move(usage)},
          {"timings", std::move(timings)},
          {"created", message.created}};
}

ChatJson to_json(const Preset& preset) {
  return {{"id", preset.id},
          {"name", preset.name},
          {"model", or_null(preset.model)},
          {"settings", to_json(preset.settings)}};
}

Result<ChatSettings> parse_settings(const ChatJson& json) {
  ChatSettings settings;
  if (json.is_null()) return settings;
  if (!json.is_object()) return refuse("settings", "an object");
  for (const auto& [name, value] : json.items()) {
    if (auto read = read_member(name, value, settings); !read) {
      return propagate(std::move(read).error(), "settings");
    }
  }
  return settings;
}

Result<Preset> parse_preset(const ChatJson& json) {
  if (!json.is_object()) return refuse("a preset", "an object");
  Preset preset;
  for (const auto& [name, value] : json.items()) {
    if (name == "id") {
      HEARTH_TRY(preset.id, text_of("the preset's id", value));
    } else if (name == "name") {
      HEARTH_TRY(preset.name, text_of("the preset's name", value));
    } else if (name == "model") {
      HEARTH_TRY(preset.model, text_of("the preset's model", value));
    } else if (name == "settings") {
      HEARTH_TRY(preset.settings, parse_settings(value));
    } else {
      return fail(ErrorCategory::kInvalidArgument, "a preset has no \"{}\"", name.substr(0, 100));
    }
  }
  if (preset.name.empty()) return refuse("the preset's name", "a text that is not empty");
  if (preset.id.empty()) preset.id = random_id("preset_");
  return preset;
}

Result<std::vector<Attachment>> parse_attachments(const ChatJson& json) {
  std::vector<Attachment> attachments;
  if (json.is_null()) return attachments;
  if (!json.is_array()) return refuse("attachments", "a list");
  for (const ChatJson& item : json) {
    if (!item.is_object() || !item.contains("name") || !item.contains("text") || !item["name"].is_string() ||
        !item["text"].is_string()) {
      return refuse("an attachment", "{\"name\": string, \"text\": string}");
    }
    attachments.push_back({item["name"].get<std::string>(), item["text"].get<std::string>()});
  }
  return attachments;
}

}  // namespace hearth::store
