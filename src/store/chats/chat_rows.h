// The tables of conversations, and the parts of a message that are kept as JSON in a column.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/chats/chat.h"
#include "store/database.h"

namespace hearth::store {

std::span<const char* const> chat_migrations();

// Stands for an owner in the indices for search, as one word whatever the owner's name is.
std::string owner_word(const std::string& owner);

std::string settings_column(const ChatSettings& settings);
// kCorrupt, with the id of what has them.
Result<ChatSettings> parse_settings_column(const std::string& column, std::string_view id);
std::string tool_calls_column(const std::vector<ToolCallRecord>& calls);
// What an answer ended with: finish, error, usage, timings.
std::string outcome_column(const Message& message);

// The columns of a chat, for SELECT ... FROM chats; and of a message, for SELECT ... FROM messages.
inline constexpr char kChatColumns[] =
    "id, title, titled_by_user, pinned, created, updated, model, leaf,"
    " EXISTS (SELECT 1 FROM messages WHERE messages.chat = chats.id AND status = 'running'), settings, draft";
inline constexpr char kChatSummaryColumns[] =
    "id, title, titled_by_user, pinned, created, updated, model, leaf,"
    " EXISTS (SELECT 1 FROM messages WHERE messages.chat = chats.id AND status = 'running')";
inline constexpr char kMessageColumns[] =
    "messages.id, messages.chat, parent, role, content, reasoning, reasoning_ms, tool_calls, messages.model,"
    " status, outcome, messages.created, n_attachments";

Chat chat_summary_of(const Statement& row);
// kCorrupt: a column is not what this program writes.
Result<Chat> chat_of(const Statement& row);
// Without attachments; `n_attachments` are there.
Result<Message> message_of(const Statement& row, int64_t& n_attachments);

}  // namespace hearth::store
