#include "store/chats/import/chat_formats.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "store/chats/chat_json.h"
#include "store/chats/chat_store.h"
#include "store/chats/export/chat_export.h"
#include "store/chats/import/chat_tree.h"

namespace hearth::store {

void LeftOut::add(std::string_view what, std::string_view why, size_t n) {
  if (n == 0) return;
  Kind& kind = kinds_.try_emplace(std::string(what), Kind{std::string(why)}).first->second;
  kind.n += n;
}

void LeftOut::report(std::vector<SkippedPart>& skipped) const {
  for (const auto& [what, kind] : kinds_) skipped.push_back({fmt::format("{} ({})", what, kind.n), kind.why});
}

namespace {

constexpr std::string_view kTextOnly = "this program keeps text";
constexpr std::string_view kNoToolResults = "they are no part of what was said";

// --- Members of any JSON: what is not there or of another type is nothing.

const ForeignJson& member(const ForeignJson& json, const char* name) {
  static const ForeignJson nothing;
  if (!json.is_object()) return nothing;
  const auto found = json.find(name);
  return found == json.end() ? nothing : *found;
}

const ForeignJson& list(const ForeignJson& json, const char* name) {
  static const ForeignJson nothing = ForeignJson::array();
  const ForeignJson& value = member(json, name);
  return value.is_array() ? value : nothing;
}

std::string text(const ForeignJson& json, const char* name) {
  const ForeignJson& value = member(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool is_true(const ForeignJson& json, const char* name) {
  const ForeignJson& value = member(json, name);
  return value.is_boolean() && value.get<bool>();
}

// Milliseconds of a time in seconds, or in milliseconds as some versions write them; 0: none.
int64_t time(const ForeignJson& json, const char* name) {
  const ForeignJson& value = member(json, name);
  if (!value.is_number()) return 0;
  const double number = value.get<double>();
  constexpr double kLastSecond = 1e11;
  if (!(number > 0) || number > kLastSecond * 1000) return 0;
  return static_cast<int64_t>(std::llround(number < kLastSecond ? number * 1000 : number));
}

void append_line(std::string& to, std::string_view more) {
  if (more.empty()) return;
  if (!to.empty()) to += "\n";
  to += more;
}

std::string fenced(std::string_view language, std::string_view code) {
  const std::string fence = fence_for(code);
  return fmt::format("{}{}\n{}\n{}", fence, language, code, fence);
}

// A title fits, and is the user's where there is one.
void set_title(Chat& chat, std::string title, LeftOut& left_out) {
  if (title.size() > kMaxTitleBytes) {
    size_t end = kMaxTitleBytes;
    while (end > 0 && (static_cast<uint8_t>(title[end]) & 0xc0) == 0x80) --end;
    title.resize(end);
    left_out.add("ends of titles", "titles have limits");
  }
  chat.title = std::move(title);
  chat.titled_by_user = !chat.title.empty();
}

Result<WholeChat> finished(WholeChat whole, std::vector<ForeignNode> nodes, const std::string& leaf,
                           LeftOut& left_out) {
  HEARTH_TRY(const size_t n_lost, build_chat_tree(std::move(nodes), leaf, whole));
  left_out.add("messages", "they follow each other in a circle", n_lost);
  if (whole.messages.empty()) return fail(ErrorCategory::kInvalidArgument, "it has no messages");
  Chat& chat = whole.chat;
  if (chat.created <= 0) chat.created = whole.messages.front().created;
  for (const Message& message : whole.messages) chat.updated = std::max(chat.updated, message.created);
  chat.updated = std::max(chat.updated, chat.created);
  return whole;
}

// --- ChatGPT

// Its marks for citations are pointers into data that is not text: U+E200 ... U+E201.
std::string without_citations(std::string_view from, LeftOut& left_out) {
  constexpr std::string_view kBegins = "\xee\x88\x80", kEnds = "\xee\x88\x81";
  std::string kept;
  for (;;) {
    const size_t begin = from.find(kBegins);
    const size_t end = begin == std::string_view::npos ? begin : from.find(kEnds, begin);
    if (end == std::string_view::npos) break;
    kept += from.substr(0, begin);
    from.remove_prefix(end + kEnds.size());
    left_out.add("marks of citations", "what they point at is not in the file");
  }
  return kept.append(from);
}

// The texts of `parts`, and of what an object among them says in words.
std::string text_of_parts(const ForeignJson& parts, LeftOut& left_out) {
  std::string all;
  if (!parts.is_array()) return all;
  for (const ForeignJson& part : parts) {
    if (part.is_string()) {
      append_line(all, part.get_ref<const std::string&>());
    } else if (const std::string said = text(part, "text"); !said.empty()) {
      append_line(all, said);  // the transcript of what was spoken
    } else if (part.is_object()) {
      left_out.add("images and recordings", kTextOnly);
    }
  }
  return all;
}

std::string thoughts_of(const ForeignJson& content) {
  std::string all;
  for (const ForeignJson& thought : list(content, "thoughts")) {
    for (const char* name : {"summary", "content"}) {
      const std::string part = text(thought, name);
      if (part.empty()) continue;
      if (!all.empty()) all += "\n\n";
      all += part;
    }
  }
  return all;
}

// False: nothing of it is kept.
bool read_gpt_content(const ForeignJson& json, Message& message, LeftOut& left_out) {
  const ForeignJson& content = member(json, "content");
  const std::string type = text(content, "content_type");
  const ForeignJson& metadata = member(json, "metadata");
  if (type == "thoughts") {
    message.reasoning = thoughts_of(content);
  } else if (type == "reasoning_recap") {
    const ForeignJson& seconds = member(metadata, "finished_duration_sec");
    if (seconds.is_number() && seconds.get<double>() >= 0 && seconds.get<double>() < 1e9)
      message.reasoning_ms = std::llround(seconds.get<double>() * 1000);
    return message.reasoning_ms.has_value();
  } else if (type == "user_editable_context" || type == "model_editable_context") {
    left_out.add("notes about the user",
                 "they are a setting, not a message; a system prompt does the same here");
    return false;
  } else if (type == "code") {
    const std::string language = text(content, "language");
    message.content = fenced(language == "unknown" ? "" : language, text(content, "text"));
  } else {
    message.content = text_of_parts(member(content, "parts"), left_out);
    append_line(message.content, text(content, "text"));
  }
  message.content = without_citations(message.content, left_out);
  return !message.content.empty() || !message.reasoning.empty();
}

bool read_gpt_message(const ForeignJson& json, Message& message, std::string& system, LeftOut& left_out) {
  if (!json.is_object()) return false;
  const std::string role = text(member(json, "author"), "role");
  if (is_true(member(json, "metadata"), "is_visually_hidden_from_conversation")) return false;
  if (role == "tool") {
    left_out.add("results of tools", kNoToolResults);
    return false;
  }
  message.created = time(json, "create_time");
  if (!read_gpt_content(json, message, left_out)) return false;
  if (role == "system") {
    append_line(system, message.content);
    return false;
  }
  if (role != "user" && role != "assistant") {
    left_out.add("messages", "they are neither a question nor an answer");
    return false;
  }
  message.role = role == "user" ? MessageRole::kUser : MessageRole::kAssistant;
  if (message.role == MessageRole::kAssistant) message.model = text(member(json, "metadata"), "model_slug");
  return true;
}

Result<WholeChat> parse_gpt_chat(const ForeignJson& json, LeftOut& left_out) {
  WholeChat whole;
  set_title(whole.chat, text(json, "title"), left_out);
  whole.chat.created = time(json, "create_time");
  whole.chat.updated = time(json, "update_time");
  whole.chat.pinned = is_true(json, "is_starred");
  std::vector<ForeignNode> nodes;
  std::map<std::string, std::string, std::less<>> parents;  // as lists of children say
  for (const auto& [id, node] : member(json, "mapping").items()) {
    for (const ForeignJson& child : list(node, "children")) {
      if (child.is_string()) parents.emplace(child.get<std::string>(), id);
    }
    ForeignNode made{.id = id, .parent = text(node, "parent"), .kept = false, .message = {}};
    made.kept = read_gpt_message(member(node, "message"), made.message, whole.chat.settings.system, left_out);
    nodes.push_back(std::move(made));
  }
  for (ForeignNode& node : nodes) {
    if (!node.parent.empty()) continue;
    if (const auto parent = parents.find(node.id); parent != parents.end()) node.parent = parent->second;
  }
  // The order of ids says nothing; what was written first comes first.
  std::stable_sort(nodes.begin(), nodes.end(), [](const ForeignNode& a, const ForeignNode& b) {
    return a.message.created < b.message.created;
  });
  return finished(std::move(whole), std::move(nodes), text(json, "current_node"), left_out);
}

// --- Open WebUI

std::string without_entities(std::string_view from) {
  constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&gt;", '>'}, {"&lt;", '<'}, {"&quot;", '"'}, {"&#x27;", '\''}, {"&#39;", '\''}, {"&amp;", '&'}};
  std::string all;
  while (!from.empty()) {
    const auto* entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                      [&](const auto& e) { return from.starts_with(e.first); });
    const bool found = entity != std::end(kEntities);
    all += found ? entity->second : from.front();
    from.remove_prefix(found ? entity->first.size() : 1);
  }
  return all;
}

// The lines of a quotation without their marks.
std::string unquoted(std::string_view block) {
  std::string all;
  while (!block.empty()) {
    std::string_view line = block.substr(0, block.find('\n'));
    block.remove_prefix(std::min(block.size(), line.size() + 1));
    if (line.starts_with("> ")) {
      line.remove_prefix(2);
    } else if (line == ">") {
      line = {};
    }
    all.append(line).append("\n");
  }
  const size_t first = all.find_first_not_of('\n');
  if (first == std::string::npos) return {};
  return all.substr(first, all.find_last_not_of('\n') + 1 - first);
}

// Answers have what was thought, and what tools did, in <details type="..."> between what was said.
void take_details_out(Message& message, LeftOut& left_out) {
  constexpr std::string_view kBegins = "<details type=\"", kEnds = "</details>", kSummaryEnds = "</summary>";
  std::string said;
  std::string_view rest = message.content;
  for (;;) {
    const size_t begin = rest.find(kBegins);
    const size_t end = begin == std::string_view::npos ? begin : rest.find(kEnds, begin);
    if (end == std::string_view::npos) break;
    const std::string_view block = rest.substr(begin, end - begin);
    const std::string_view type =
        block.substr(kBegins.size(), block.find('"', kBegins.size()) - kBegins.size());
    if (type == "reasoning") {
      said += rest.substr(0, begin);
      const size_t summary = block.find(kSummaryEnds);
      const size_t head =
          summary != std::string_view::npos ? summary + kSummaryEnds.size() : block.find('>') + 1;
      const std::string thought = unquoted(without_entities(block.substr(std::min(head, block.size()))));
      if (!message.reasoning.empty() && !thought.empty()) message.reasoning += "\n\n";
      message.reasoning += thought;
    } else if (type == "tool_calls" || type == "code_interpreter") {
      said += rest.substr(0, begin);
      left_out.add("results of tools", kNoToolResults);
    } else {
      said += rest.substr(0, end + kEnds.size());
    }
    rest.remove_prefix(end + kEnds.size());
  }
  said += rest;
  const size_t first = said.find_first_not_of('\n');
  message.content = first == std::string::npos ? std::string() : said.substr(first);
}

void read_web_files(const ForeignJson& files, Message& message, LeftOut& left_out) {
  for (const ForeignJson& file : files) {
    const ForeignJson& inner = member(file, "file");
    const std::string content = text(member(inner, "data"), "content");
    if (content.empty()) {
      left_out.add("images and files", "their text is not in the file");
      continue;
    }
    std::string name = text(file, "name");
    message.attachments.push_back({name.empty() ? text(inner, "filename") : std::move(name), content});
  }
}

bool read_web_message(const ForeignJson& json, Message& message, std::string& system, LeftOut& left_out) {
  const std::string role = text(json, "role");
  const ForeignJson& content = member(json, "content");
  message.content = content.is_string() ? content.get<std::string>() : text_of_parts(content, left_out);
  message.created = time(json, "timestamp");
  read_web_files(list(json, "files"), message, left_out);
  if (role == "system") {
    append_line(system, message.content);
    return false;
  }
  if (role == "user") return true;
  if (role != "assistant") {
    left_out.add("messages", "they are neither a question nor an answer");
    return false;
  }
  message.role = MessageRole::kAssistant;
  message.model = text(json, "model");
  take_details_out(message, left_out);
  const ForeignJson& error = member(json, "error");
  if (error.is_object() || (error.is_boolean() && error.get<bool>())) {
    message.status = MessageStatus::kFailed;
    message.error = {"imported", text(error, "content")};
  } else if (member(json, "done").is_boolean() && !is_true(json, "done")) {
    message.status = MessageStatus::kInterrupted;
  }
  return true;
}

void read_web_params(const ForeignJson& params, ChatSettings& settings, LeftOut& left_out) {
  if (!params.is_object()) return;
  for (const char* name : {"system", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "max_tokens",
                           "seed", "num_ctx"}) {
    const ForeignJson& value = member(params, name);
    if (value.is_null()) continue;
    ChatJson wish = to_json(settings);
    wish[name] = ChatJson(value);
    auto read = parse_settings(wish);
    if (read) {
      settings = std::move(*read);
    } else {
      left_out.add("settings", "they are out of this program's range");
    }
  }
}

Result<WholeChat> parse_web_chat(const ForeignJson& json, LeftOut& left_out) {
  const ForeignJson& chat = member(json, "chat");
  WholeChat whole;
  std::string title = text(json, "title");
  set_title(whole.chat, title.empty() ? text(chat, "title") : std::move(title), left_out);
  whole.chat.created = time(json, "created_at");
  if (whole.chat.created == 0) whole.chat.created = time(chat, "timestamp");
  whole.chat.updated = time(json, "updated_at");
  whole.chat.pinned = is_true(json, "pinned");
  ChatSettings& settings = whole.chat.settings;
  read_web_params(member(chat, "params"), settings, left_out);
  if (settings.system.empty()) settings.system = text(chat, "system");

  const ForeignJson& history = member(chat, "history");
  const ForeignJson& by_id = member(history, "messages");
  std::vector<ForeignNode> nodes;
  std::string leaf = text(history, "currentId");
  const auto read = [&](std::string id, std::string parent, const ForeignJson& message) {
    ForeignNode node{.id = std::move(id), .parent = std::move(parent), .kept = false, .message = {}};
    node.kept = read_web_message(message, node.message, settings.system, left_out);
    nodes.push_back(std::move(node));
  };
  if (by_id.is_object() && !by_id.empty()) {
    for (const auto& [id, message] : by_id.items()) read(id, text(message, "parentId"), message);
    std::stable_sort(nodes.begin(), nodes.end(), [](const ForeignNode& a, const ForeignNode& b) {
      return a.message.created < b.message.created;
    });
  } else {
    for (const ForeignJson& message : list(chat, "messages")) {
      read(std::to_string(nodes.size() + 1), nodes.empty() ? "" : std::to_string(nodes.size()), message);
    }
    leaf = std::to_string(nodes.size());
  }
  return finished(std::move(whole), std::move(nodes), leaf, left_out);
}

// --- This program

std::optional<MessageUsage> usage_of(const ForeignJson& json) {
  if (!json.is_object()) return std::nullopt;
  const auto number = [&](const char* name) {
    const ForeignJson& value = member(json, name);
    return value.is_number_integer() ? value.get<int64_t>() : 0;
  };
  return MessageUsage{.prompt_tokens = number("prompt_tokens"),
                      .cached_tokens = number("cached_tokens"),
                      .completion_tokens = number("completion_tokens"),
                      .reasoning_tokens = number("reasoning_tokens")};
}

std::optional<MessageTimings> timings_of(const ForeignJson& json) {
  if (!json.is_object()) return std::nullopt;
  const auto number = [&](const char* name) {
    const ForeignJson& value = member(json, name);
    return value.is_number() ? value.get<double>() : 0;
  };
  return MessageTimings{.load_ms = number("load_ms"),
                        .queue_ms = number("queue_ms"),
                        .prefill_ms = number("prefill_ms"),
                        .decode_ms = number("decode_ms"),
                        .first_token_ms = number("first_token_ms")};
}

Result<Message> parse_own_message(const ForeignJson& json) {
  Message message;
  const std::string role = text(json, "role");
  if (role != name_of(MessageRole::kUser) && role != name_of(MessageRole::kAssistant)) {
    return fail(ErrorCategory::kInvalidArgument, "a message has no \"role\" of user or assistant");
  }
  if (!member(json, "content").is_string()) {
    return fail(ErrorCategory::kInvalidArgument, "a message has no \"content\"");
  }
  message.role = role == name_of(MessageRole::kUser) ? MessageRole::kUser : MessageRole::kAssistant;
  message.content = text(json, "content");
  message.reasoning = text(json, "reasoning");
  const ForeignJson& reasoning_ms = member(json, "reasoning_ms");
  if (reasoning_ms.is_number_integer()) message.reasoning_ms = reasoning_ms.get<int64_t>();
  for (const ForeignJson& call : list(json, "tool_calls")) {
    message.tool_calls.push_back({text(call, "id"), text(call, "name"), text(call, "arguments")});
  }
  HEARTH_TRY(message.attachments, parse_attachments(ChatJson(member(json, "attachments"))));
  message.model = text(json, "model");
  message.status = status_of(text(json, "status"));
  message.finish = text(json, "finish");
  if (const ForeignJson& error = member(json, "error"); error.is_object()) {
    message.error = {text(error, "code"), text(error, "message")};
  }
  message.usage = usage_of(member(json, "usage"));
  message.timings = timings_of(member(json, "timings"));
  message.created = time(json, "created");
  return message;
}

Result<WholeChat> parse_own_chat(const ForeignJson& json, LeftOut& left_out) {
  WholeChat whole;
  Chat& chat = whole.chat;
  set_title(chat, text(json, "title"), left_out);
  if (text(json, "title_by") == "auto") chat.titled_by_user = false;
  chat.pinned = is_true(json, "pinned");
  chat.created = time(json, "created");
  chat.updated = time(json, "updated");
  chat.model = text(json, "model");
  chat.draft = text(json, "draft");
  HEARTH_TRY(chat.settings, parse_settings(ChatJson(member(json, "settings"))));
  std::vector<ForeignNode> nodes;
  for (const ForeignJson& item : list(json, "messages")) {
    HEARTH_TRY(Message message, parse_own_message(item));
    std::string id = text(item, "id");
    if (id.empty()) return fail(ErrorCategory::kInvalidArgument, "a message has no \"id\"");
    nodes.push_back(
        {.id = std::move(id), .parent = text(item, "parent"), .kept = true, .message = std::move(message)});
  }
  return finished(std::move(whole), std::move(nodes), text(json, "leaf"), left_out);
}

}  // namespace

Result<WholeChat> parse_foreign_chat(const ForeignJson& json, LeftOut& left_out) {
  if (member(json, "mapping").is_object()) return parse_gpt_chat(json, left_out);
  if (member(json, "chat").is_object()) return parse_web_chat(json, left_out);
  if (member(json, "messages").is_array()) return parse_own_chat(json, left_out);
  return fail(ErrorCategory::kUnsupported, "it has no \"mapping\", no \"chat\" and no \"messages\"");
}

}  // namespace hearth::store
