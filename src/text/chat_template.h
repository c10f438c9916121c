// Chat templates: messages to prompt text, by running the model's own template in a closed interpreter.
//
// Templates come in two languages, told apart by their text: Jinja, and Go's with Ollama's variables. The
// interpreters implement what published templates use (docs/chat-templates.md). They have no access to
// anything but values, no imports, files or environment, and they are bounded: a template that runs too long,
// nests too deep or writes too much ends in an error.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/prompt_text.h"
#include "text/value.h"

namespace hearth::text {

struct TemplateLimits {
  size_t source_bytes = 1 << 20;
  size_t depth = 600;             // nested statements, expressions and macro calls
  size_t steps = 1'000'000;       // of sixteen evaluated nodes each
  size_t output_bytes = 4 << 20;  // also bounds intermediate strings and lists
};

class ChatTemplate {
 public:
  // Errors: kCorrupt with line and column.
  static Result<ChatTemplate> compile(std::string_view source, TemplateLimits limits = {});

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // `context` is a mapping of the variables of a Jinja template; a Go template gets its own, made from them.
  // Strings inside it that are marked as untrusted (text/value.h) stay marked through every operation and end
  // up in PromptText::untrusted. `now_unix_seconds` is what strftime_now sees (UTC), so that callers decide
  // about the clock. Errors: kInvalidArgument with the template's own raise_exception text; kCorrupt for a
  // template that fails or exceeds a limit, with the line. Thread-safe.
  Result<PromptText> render(const Value& context, int64_t now_unix_seconds) const;

  // What the template can do, found by looking at which variables and markers it uses.
  bool supports_tools() const;
  bool supports_thinking() const;  // reads enable_thinking, or writes a reasoning marker

 private:
  struct Program;
  explicit ChatTemplate(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

// For models whose file carries no template: ChatML (docs/chat-templates.md says why).
std::string_view default_chat_template();

}  // namespace hearth::text
