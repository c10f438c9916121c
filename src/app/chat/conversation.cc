#include "app/chat/conversation.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "api/json.h"
#include "base/atomic_file.h"
#include "app/chat/message_json.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
using api::Json;

constexpr int kFormat = 1;
constexpr uintmax_t kMaxBytes = uintmax_t{64} << 20;
constexpr std::string_view kSuffix = ".json";

template <typename... Args>
tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kInvalidArgument, format, std::forward<Args>(args)...);
}

Json to_json(const Conversation& conversation) {
  Json parameters = Json::object();
  Json stop = Json::array();
  for (const auto& [name, value] : list_parameters(conversation.parameters)) {
    if (name == "stop") {
      stop.push_back(value);
    } else {
      parameters[name] = value;  // as text, which keeps every digit
    }
  }
  if (!stop.empty()) parameters["stop"] = std::move(stop);
  Json json = {{"hearth_chat", kFormat}, {"model", conversation.model}, {"system", conversation.system}};
  if (conversation.thinking) json["thinking"] = *conversation.thinking;
  json["parameters"] = std::move(parameters);
  json["messages"] = messages_to_json(conversation.messages);
  return json;
}

Result<std::string> text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return invalid("{} must be a text", key);
  return found->get<std::string>();
}

Status read_parameters(const Json& json, ChatParameters& parameters) {
  if (!json.is_object()) return invalid("parameters must be an object");
  for (const auto& [name, value] : json.items()) {
    const Json values = value.is_array() ? value : Json::array({value});
    for (const Json& item : values) {
      if (!item.is_string()) return invalid("parameters.{} must be a text", name);
      HEARTH_CHECK_OK(set_parameter(parameters, name, item.get<std::string>()));
    }
  }
  return {};
}

Result<Conversation> from_json(const Json& json) {
  if (!json.is_object() || json.value("hearth_chat", Json()) != kFormat)
    return invalid("this is not a saved chat");
  Conversation conversation;
  HEARTH_TRY(conversation.model, text_of(json, "model"));
  HEARTH_TRY(conversation.system, text_of(json, "system"));
  if (const auto thinking = json.find("thinking"); thinking != json.end()) {
    if (!thinking->is_boolean()) return invalid("thinking must be true or false");
    conversation.thinking = thinking->get<bool>();
  }
  HEARTH_CHECK_OK(read_parameters(json.value("parameters", Json::object()), conversation.parameters));
  HEARTH_TRY(conversation.messages, messages_from_json(json.value("messages", Json())));
  return conversation;
}

Result<std::string> read_whole(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) return fail(ErrorCategory::kNotFound, "there is no saved chat {}", path.string());
  if (!fs::is_regular_file(status)) return invalid("{} is not a regular file", path.string());
  if (fs::file_size(path, error) > kMaxBytes)
    return invalid("{} is larger than a saved chat can be", path.string());
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream.is_open() || stream.bad()) return fail(ErrorCategory::kIo, "cannot read {}", path.string());
  return text;
}

}  // namespace

serving::GenerationRequest Conversation::request(const std::string& model_name) const {
  serving::GenerationRequest request;
  request.model = model_name;
  serving::ChatPrompt prompt;
  if (!system.empty()) {
    serving::ChatMessage& message = prompt.messages.emplace_back();
    message.role = "system";
    message.content = system;
  }
  prompt.messages.insert(prompt.messages.end(), messages.begin(), messages.end());
  prompt.thinking = thinking;
  request.prompt = std::move(prompt);
  request.sampling = parameters.sampling;
  request.max_tokens = parameters.max_tokens;
  request.stop = parameters.stop;
  return request;
}

Status save_conversation(const Conversation& conversation, const fs::path& path) {
  const std::string text =
      to_json(conversation).dump(2, ' ', false, nlohmann::detail::error_handler_t::replace) + "\n";
  if (text.size() > kMaxBytes) return invalid("the chat is larger than a saved chat can be");
  return write_file_atomically(path, text);
}

Result<Conversation> load_conversation(const fs::path& path) {
  HEARTH_TRY(const std::string text, read_whole(path));
  auto json = api::parse_json(text);
  if (!json) return propagate(std::move(json).error(), path.string());
  auto conversation = from_json(*json);
  if (!conversation) return propagate(std::move(conversation).error(), path.string());
  return conversation;
}

Result<fs::path> conversation_path(const fs::path& data_dir, const std::string& name) {
  const bool control = std::any_of(name.begin(), name.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control || name.empty() || name.ends_with('/'))
    return invalid("a chat cannot be saved under that name");
  if (name.find('/') != std::string::npos) return fs::path(name);
  if (name.starts_with('.') || name.size() > 200) {
    return invalid("the name of a chat has at most 200 bytes and does not start with a dot");
  }
  return data_dir / "chats" / (name + std::string(kSuffix));
}

std::vector<std::string> saved_conversations(const fs::path& data_dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(data_dir / "chats", error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == kSuffix) names.push_back(entry->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace hearth::app
