// Conversations as JSON: the shape that the page speaks and that exports have (docs/page-api.md).
//
// Writing gives UTF-8 as it is stored. Reading is for JSON from outside: errors are kInvalidArgument and name
// the member; members that are not known are errors in settings and presets, so that no wish is dropped
// silently.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/chats/chat.h"

namespace hearth::store {

using ChatJson = nlohmann::ordered_json;

std::string_view name_of(MessageRole role);
std::string_view name_of(MessageStatus status);
MessageStatus status_of(std::string_view name);  // kComplete for other names

ChatJson to_json(const ChatSettings& settings);
// Without draft and settings: what lists of chats show.
ChatJson to_summary_json(const Chat& chat);
ChatJson to_json(const Chat& chat);
ChatJson to_json(const Message& message);
ChatJson to_json(const Preset& preset);

// null and {} ask for nothing.
Result<ChatSettings> parse_settings(const ChatJson& json);
Result<Preset> parse_preset(const ChatJson& json);  // without an id, one is made
Result<std::vector<Attachment>> parse_attachments(const ChatJson& json);

}  // namespace hearth::store
