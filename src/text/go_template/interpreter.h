// Runs a syntax tree over a chat, once.
#pragma once

#include <cstdint>

#include "text/go_template/functions.h"
#include "text/go_template/syntax.h"
#include "text/prompt_text.h"
#include "text/value.h"

namespace hearth::text::go_template {

class Interpreter {
 public:
  Interpreter(const Tree& tree, const TemplateLimits& limits, int64_t now_unix_seconds);

  // `context` as text/chat_template.h has it. Throws jinja::TemplateFailure; line() then says where.
  PromptText run(const Value& context);
  uint32_t line() const { return line_; }

 private:
  enum class Flow { kNext, kBreak, kContinue };
  struct Variable {
    std::string_view name;
    Datum value;
  };

  Flow execute(const Body& body, const Datum& dot, TextBuilder& out);
  Flow execute(const Statement& statement, const Datum& dot, TextBuilder& out);
  Flow execute_range(const Statement& loop, const Datum& dot, TextBuilder& out);
  void execute_template(const Statement& call, const Datum& dot, TextBuilder& out);

  Datum evaluate(const Pipeline& pipeline, const Datum& dot);
  Datum evaluate(const Command& command, const Datum& dot, const Datum* piped);
  Datum evaluate(const Expression& expression, const Datum& dot);
  Datum call(const Function& function, const Command& command, const Datum& dot, const Datum* piped);
  Variable& variable(std::string_view name);

  const Tree& tree_;
  Budget budget_;
  Heap heap_;
  Run run_;
  uint32_t line_ = 1;
  uint32_t last_position_ = UINT32_MAX;  // statements of the main body behind it are left out
  std::vector<Datum> literals_;
  std::vector<Variable> variables_;
};

}  // namespace hearth::text::go_template
