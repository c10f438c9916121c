#include "serving/chat_fit.h"

#include <algorithm>

namespace hearth::serving {
namespace {

bool is_system(const ChatMessage& message) {
  return message.role == "system" || message.role == "developer";
}

// Without what stands before message `first`, system messages apart.
ChatPrompt from_message(const ChatPrompt& prompt, size_t first) {
  ChatPrompt rest = prompt;
  rest.messages.clear();
  for (size_t i = 0; i < prompt.messages.size(); ++i) {
    if (i >= first || is_system(prompt.messages[i])) rest.messages.push_back(prompt.messages[i]);
  }
  return rest;
}

}  // namespace

Result<FittedChat> fit_chat(const TextModel& text, const ChatPrompt& prompt, int64_t room) {
  FittedChat fitted;
  HEARTH_TRY(fitted.chat, text.encode_chat(prompt));
  if (static_cast<int64_t>(fitted.chat.ids.size()) <= room) return fitted;
  const size_t n_whole = fitted.chat.ids.size();

  // Where the rest may begin. The first user message is left out: nothing would go.
  std::vector<size_t> starts;
  for (size_t i = 0; i < prompt.messages.size(); ++i) {
    if (prompt.messages[i].role == "user") starts.push_back(i);
  }
  const auto leading = [](const ChatMessage& message) { return is_system(message); };
  if (!starts.empty() &&
      std::all_of(prompt.messages.begin(), prompt.messages.begin() + static_cast<ptrdiff_t>(starts.front()),
                  leading)) {
    starts.erase(starts.begin());
  }

  // The earliest start that fits. A later start never makes the prompt longer.
  size_t low = 0, high = starts.size();
  size_t n_shortest = n_whole;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const ChatPrompt rest = from_message(prompt, starts[middle]);
    HEARTH_TRY(TextModel::EncodedChat chat, text.encode_chat(rest));
    n_shortest = std::min(n_shortest, chat.ids.size());
    if (static_cast<int64_t>(chat.ids.size()) > room) {
      low = middle + 1;
      continue;
    }
    high = middle;
    fitted.chat = std::move(chat);
    fitted.n_dropped_messages = static_cast<int64_t>(prompt.messages.size() - rest.messages.size());
  }
  if (fitted.n_dropped_messages > 0) return fitted;
  return fail(
      ErrorCategory::kContextExceeded,
      "the prompt has {} tokens, {} of them in what cannot be left out, and {} may be used (room for an "
      "answer taken off)",
      n_whole, n_shortest, room);
}

}  // namespace hearth::serving
