// A chat as people keep it: what was said, and how the model is to answer. Saved as JSON.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/chat/parameters.h"
#include "base/result.h"
#include "serving/generation_request.h"

namespace hearth::app {

struct Conversation {
  std::string model;  // the path it was held with
  std::string system;
  std::optional<bool> thinking;
  ChatParameters parameters;
  std::vector<serving::ChatMessage> messages;  // without the system text

  serving::GenerationRequest request(const std::string& model_name) const;
};

// Replaces the file as a whole; on an error (a full disk, a folder without permission) the old one stays.
Status save_conversation(const Conversation& conversation, const std::filesystem::path& path);
// kNotFound, kIo, kInvalidArgument (names the field).
Result<Conversation> load_conversation(const std::filesystem::path& path);

// Where a chat of that name is kept: NAME with a '/' is a path, other names live in `data_dir`/chats.
// kInvalidArgument for names that cannot be files.
Result<std::filesystem::path> conversation_path(const std::filesystem::path& data_dir,
                                                const std::string& name);
// The names of those in `data_dir`/chats, sorted.
std::vector<std::string> saved_conversations(const std::filesystem::path& data_dir);

}  // namespace hearth::app
