// Template source to tokens, with the trim markers applied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/lexer.h"

namespace hearth::text::go_template {

using jinja::SourceError;

enum class TokenKind : uint8_t {
  kText,  // between actions
  kOpen,  // {{
  kClose,
  kName,      // keyword or function
  kField,     // ".Name"; text without the dot
  kVariable,  // "$" or "$name"
  kDot,
  kString,  // decoded
  kInteger,
  kFloat,
  kSymbol,  // | ( ) , = :=
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  bool after_space = false;
  uint32_t line = 0;
  std::string text;
  int64_t integer = 0;
  double real = 0;

  bool is_symbol(std::string_view spelling) const { return kind == TokenKind::kSymbol && text == spelling; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// The last token is kEnd. Throws SourceError.
std::vector<Token> tokenize(std::string_view source);

// Tells this language from Jinja by the first tag that only one of them has. Text without such a tag is not a
// Go template.
bool is_go_template(std::string_view source);

}  // namespace hearth::text::go_template
