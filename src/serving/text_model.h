// The words of a model: its tokenizer, its chat template and the values a template is run with. Needs the
// metadata of a file only, no weights.
//
// What people and programs outside wrote (message contents, names, reasoning, tool results, tool schemas,
// template arguments) enters the template marked as untrusted, so that it can never become a control token.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/model_file.h"
#include "serving/generation_request.h"
#include "serving/model_defaults.h"
#include "serving/sampling_defaults.h"
#include "text/chat_template.h"
#include "text/line_rules.h"
#include "text/output/output_syntax.h"
#include "text/tokenizer.h"

namespace hearth::serving {

// Immutable after open(), for use from any thread. Borrows the file, which must outlive it.
class TextModel {
 public:
  // Errors: those of the vocabulary (kCorrupt, kUnsupported) and of the template (kCorrupt with its line).
  // `prompt_rules` edit system prompts (prompt_rules.h); null = none. Of `defaults`, the template, the system
  // prompt and the messages count.
  static Result<std::unique_ptr<TextModel>> open(
      const gguf::ModelFile& file, std::shared_ptr<const text::LineRules> prompt_rules = nullptr,
      const ModelDefaults& defaults = {});

  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  const text::ChatTemplate& chat_template() const { return chat_; }
  // How a reranker wants a query and a document written, with {query} and {document} in it; empty = not said.
  const std::string& rerank_form() const { return rerank_form_; }
  // False: there is no template, and chats are written in the default one.
  bool has_own_template() const { return has_own_template_; }

  // How answers to this prompt are written; bound to the vocabulary.
  const text::OutputSyntax& output_syntax(const ChatPrompt& prompt) const;

  // The prompt as text. `now_unix_seconds` is what a template sees as the current time.
  // With add_generation_prompt = false, a last assistant message is left open, to be continued.
  // Prompts with a history go on from what was rendered before, so that defaults are not put in front again.
  // Errors: kInvalidArgument (a role, a reserved or control name, what the template itself objects to),
  // kUnsupported (a message that this template cannot continue), kCorrupt (a template that fails).
  Result<text::PromptText> render(const ChatPrompt& prompt, int64_t now_unix_seconds) const;

  // render() at the current time, as token ids. Where the vocabulary asks for a BOS and the template did not
  // write it, it is put in front.
  Result<std::vector<text::TokenId>> encode(const ChatPrompt& prompt) const;
  // The same, and whether the answer goes on with reasoning that the template has opened.
  struct EncodedChat {
    std::vector<text::TokenId> ids;
    bool starts_in_reasoning = false;
  };
  Result<EncodedChat> encode_chat(const ChatPrompt& prompt) const;
  Result<std::vector<text::TokenId>> encode(const TextPrompt& prompt) const;
  std::vector<text::TokenId> encode_rendered(const text::PromptText& rendered) const;

 private:
  // What templates differ in, found by running them once on small conversations.
  struct Habits {
    bool system_role = true;         // false: system text goes in front of the first user message
    bool developer_role = false;     // false: developer messages are shown as system messages
    bool arguments_as_text = false;  // tool call arguments are pasted as text, not walked as a mapping
    bool calls_alone = false;        // calls are shown of messages only whose content is none
    std::string_view reasoning_key = "reasoning_content";
  };

  TextModel(std::unique_ptr<text::Tokenizer> tokenizer, text::ChatTemplate chat)
      : tokenizer_(std::move(tokenizer)), chat_(std::move(chat)) {}

  void learn_habits();
  Result<text::Value> context(const ChatPrompt& prompt, const std::string& continuation) const;
  std::vector<ChatMessage> with_defaults(const std::vector<ChatMessage>& messages) const;
  Result<text::Value> messages(const ChatPrompt& prompt, const std::string& continuation) const;
  const text::ChatTemplate& template_for(const ChatPrompt& prompt) const;
  Status check_names(const text::Value& value, std::string_view where) const;

  std::unique_ptr<text::Tokenizer> tokenizer_;
  text::ChatTemplate chat_;
  std::optional<text::ChatTemplate> chat_with_tools_;  // tokenizer.chat_template.tool_use
  std::string rerank_form_;                            // tokenizer.chat_template.rerank
  text::OutputSyntax syntax_;
  text::OutputSyntax syntax_with_tools_;
  bool has_own_template_ = false;
  std::string bos_, eos_;
  Habits habits_;
  std::shared_ptr<const text::LineRules> prompt_rules_;
  std::string system_;                 // of chats that bring no system message
  std::vector<ChatMessage> messages_;  // stand in front of every chat
};

}  // namespace hearth::serving
