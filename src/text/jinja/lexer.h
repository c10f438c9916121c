// Template source to tokens, with the whitespace rules of trim_blocks and lstrip_blocks applied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text::jinja {

enum class TokenKind : uint8_t {
  kData,  // text between tags
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // `text` is its spelling
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t line = 0;
  std::string text;  // data, name, decoded string, operator
  int64_t integer = 0;
  double real = 0;

  bool is_operator(std::string_view spelling) const {
    return kind == TokenKind::kOperator && text == spelling;
  }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// The last token is kEnd. Throws SourceError.
std::vector<Token> tokenize(std::string_view source);

// What is wrong with a source, and where.
struct SourceError {
  uint32_t line;
  std::string message;
};

}  // namespace hearth::text::jinja
