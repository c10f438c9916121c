// The chat a person holds in a terminal: lines in, commands carried out, answers as they come.
#pragma once

#include <memory>
#include <string>

#include "app/chat/answer.h"
#include "app/chat/conversation.h"
#include "app/chat/interrupt.h"
#include "app/chat/line_editor.h"
#include "app/command.h"
#include "serving/generation_service.h"
#include "serving/model_card.h"

namespace hearth::app {

struct ChatModel {
  serving::GenerationService* service = nullptr;  // borrowed
  std::string name;                               // in the service
  int64_t context_length = 0;                     // tokens a chat may have
  serving::ModelCard card;
  std::string chat_template;  // empty = the default one
};

// Prints an answer as it comes. Reasoning is shown dimmed on a terminal and left out elsewhere, so that what
// is piped on is the answer. Errors and interruptions are in the result.
Answer print_answer(serving::TokenStream stream, const Environment& environment, bool show_reasoning,
                    std::function<bool()> wants_stop);

// "" or a sentence about an answer that ended before its end.
std::string cut_note(const serving::GenerationEnd& end, const std::optional<int64_t>& max_tokens,
                     int64_t context_length);

class TerminalChat {
 public:
  struct View {
    bool verbose = false;
    bool show_reasoning = true;
  };
  TerminalChat(ChatModel model, Conversation conversation, View view, const Environment& environment,
               std::filesystem::path data_dir);

  // Until the person leaves. Errors: only of the terminal; those of a turn are shown and the chat goes on.
  Status run();

 private:
  enum class Next { kGoOn, kLeave };

  Next handle(const std::string& text);
  void talk(const std::string& text);
  void finish_turn(Answer answer);
  void show(const std::string& what) const;
  void set_parameter(const std::string& name, const std::string& value);
  void save(const std::string& name) const;
  void load(const std::string& name);
  void note(std::string_view text) const;  // to the person, on standard output

  ChatModel model_;
  Conversation conversation_;
  View view_;
  const Environment& environment_;
  std::filesystem::path data_dir_;
  InterruptFlag interrupt_;
};

}  // namespace hearth::app
