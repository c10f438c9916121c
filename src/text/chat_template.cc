#include "text/chat_template.h"

#include <algorithm>
#include <new>
#include <optional>
#include <variant>

#include "text/go_template/interpreter.h"
#include "text/go_template/lexer.h"
#include "text/go_template/syntax.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/lexer.h"
#include "text/jinja/syntax.h"

namespace hearth::text {

struct ChatTemplate::Program {
  std::variant<jinja::Tree, go_template::Tree> tree;
  TemplateLimits limits;
  bool tools = false;
  bool thinking = false;
};

namespace {

constexpr jinja::KnownNames kKnown{
    [](std::string_view name) { return jinja::find_filter(name) != nullptr; },
    [](std::string_view name) { return jinja::find_test(name) != nullptr; },
};

bool reads(const jinja::Tree& tree, std::initializer_list<std::string_view> names) {
  return std::any_of(tree.expressions.begin(), tree.expressions.end(), [&](const jinja::Expression& e) {
    if (e.kind != jinja::ExpressionKind::kVariable) return false;
    return std::find(names.begin(), names.end(), tree.names[e.symbol]) != names.end();
  });
}

bool has_reasoning_marker(std::string_view text) {
  constexpr std::string_view kMarkers[] = {"<think>", "</think>", "<|channel>thought", "[THINK]"};
  return std::any_of(std::begin(kMarkers), std::end(kMarkers),
                     [&](auto m) { return text.find(m) != text.npos; });
}

// Looks for reasoning markers in the text a template writes, not in what it only compares with.
bool writes_reasoning(const jinja::Tree& tree) {
  return std::any_of(tree.statements.begin(), tree.statements.end(),
                     [&](const jinja::Statement& s) { return has_reasoning_marker(s.text); }) ||
         std::any_of(tree.expressions.begin(), tree.expressions.end(), [&](const jinja::Expression& e) {
           return e.kind == jinja::ExpressionKind::kString && has_reasoning_marker(e.name);
         });
}
bool writes_reasoning(const go_template::Tree& tree) {
  return std::any_of(tree.statements.begin(), tree.statements.end(),
                     [&](const go_template::Statement& s) { return has_reasoning_marker(s.text); });
}

// One rendering in either language.
template <typename Interpreter, typename Tree>
Result<PromptText> rendered(const Tree& tree, const TemplateLimits& limits, const Value& context,
                            int64_t now_unix_seconds) {
  std::optional<Interpreter> interpreter;
  try {
    interpreter.emplace(tree, limits, now_unix_seconds);
    return interpreter->run(context);
  } catch (const jinja::TemplateFailure& failure) {
    if (failure.category == ErrorCategory::kInvalidArgument) {
      return fail(failure.category, "{}", failure.message);
    }
    return fail(failure.category, "chat template: line {}: {}", interpreter->line(), failure.message);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCategory::kCorrupt, "chat template: not enough memory to run it");
  }
}

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<Program> program) : program_(std::move(program)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::compile(std::string_view source, TemplateLimits limits) {
  if (source.size() > limits.source_bytes) {
    return fail(ErrorCategory::kCorrupt, "chat template: {} bytes are more than the limit of {}",
                source.size(), limits.source_bytes);
  }
  try {
    auto program = std::make_unique<Program>();
    program->limits = limits;
    if (go_template::is_go_template(source)) {
      const auto& tree = program->tree.emplace<go_template::Tree>(go_template::parse(source, limits.depth));
      program->tools = tree.reads("tools");
      program->thinking = tree.reads("think") || tree.reads("thinking") || writes_reasoning(tree);
    } else {
      const auto& tree = program->tree.emplace<jinja::Tree>(jinja::parse(source, limits.depth, kKnown));
      program->tools = reads(tree, {"tools", "custom_tools", "available_tools", "functions"});
      program->thinking = reads(tree, {"enable_thinking", "thinking"}) || writes_reasoning(tree);
    }
    return ChatTemplate(std::move(program));
  } catch (const jinja::SourceError& error) {
    return fail(ErrorCategory::kCorrupt, "chat template: line {}: {}", error.line, error.message);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCategory::kCorrupt, "chat template: not enough memory to read it");
  }
}

Result<PromptText> ChatTemplate::render(const Value& context, int64_t now_unix_seconds) const {
  if (const auto* tree = std::get_if<go_template::Tree>(&program_->tree)) {
    return rendered<go_template::Interpreter>(*tree, program_->limits, context, now_unix_seconds);
  }
  return rendered<jinja::Interpreter>(std::get<jinja::Tree>(program_->tree), program_->limits, context,
                                      now_unix_seconds);
}

bool ChatTemplate::supports_tools() const {
  return program_->tools;
}
bool ChatTemplate::supports_thinking() const {
  return program_->thinking;
}

std::string_view default_chat_template() {
  return "{%- for message in messages -%}\n"
         "    {{- '<|im_start|>' + message['role'] + '\\n' -}}\n"
         "    {%- if message['content'] is string -%}\n"
         "        {{- message['content'] -}}\n"
         "    {%- else -%}\n"
         "        {%- for part in message['content'] or [] if part['type'] == 'text' -%}\n"
         "            {{- part['text'] -}}\n"
         "        {%- endfor -%}\n"
         "    {%- endif -%}\n"
         "    {{- '<|im_end|>\\n' -}}\n"
         "{%- endfor -%}\n"
         "{%- if add_generation_prompt -%}\n"
         "    {{- '<|im_start|>assistant\\n' -}}\n"
         "{%- endif -%}\n";
}

}  // namespace hearth::text
