#include "text/jinja/lexer.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "text/jinja/marked_text.h"

namespace hearth::text::jinja {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c);
}

std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();  // keep_trailing_newline is off
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) template_part();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string message) const { throw SourceError{line_, std::move(message)}; }

  bool starts_with(std::string_view prefix) const {
    return std::string_view(source_).substr(at_, prefix.size()) == prefix;
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  void advance(size_t bytes) {
    for (size_t i = 0; i < bytes && at_ < source_.size(); ++i) line_ += source_[at_++] == '\n';
  }
  void skip_space() {
    while (at_ < source_.size()) {
      CodePoint c = code_point_at(source_, at_);
      if (!is_space(c.value)) return;
      advance(c.end - c.begin);
    }
  }

  void push(TokenKind kind, std::string text) {
    Token token;
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    tokens_.push_back(std::move(token));
  }

  // Text up to the next tag, then the tag.
  void template_part() {
    size_t open = source_.find('{', at_);
    while (open != std::string::npos && !is_tag(open)) open = source_.find('{', open + 1);
    if (open == std::string::npos) {
      push_data(source_.substr(at_));
      advance(source_.size() - at_);
      return;
    }
    bool variable = source_[open + 1] == '{';
    char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
    if (sign != '-' && sign != '+') sign = '\0';
    std::string data = source_.substr(at_, open - at_);
    strip_before_tag(data, sign, !variable);
    push_data(std::move(data));
    advance(open - at_);
    char type = source_[open + 1];
    advance(sign == '\0' ? 2 : 3);
    if (type == '#') {
      comment();
    } else if (type == '%' && raw_follows()) {
      raw();
    } else {
      tag(variable);
    }
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
  }

  bool is_tag(size_t open) const {
    char next = open + 1 < source_.size() ? source_[open + 1] : '\0';
    return next == '{' || next == '%' || next == '#';
  }

  void push_data(std::string data) {
    if (!data.empty()) push(TokenKind::kData, std::move(data));
  }

  void strip_before_tag(std::string& data, char sign, bool lstrip) const {
    if (sign == '-') {
      strip_right(data);
      return;
    }
    if (sign == '+' || !lstrip) return;
    size_t newline = data.rfind('\n');
    size_t line_begin = newline == std::string::npos ? 0 : newline + 1;
    if (line_begin == 0 && !line_starting_) return;
    for (size_t i = line_begin; i < data.size();) {
      CodePoint c = code_point_at(data, i);
      if (!is_space(c.value)) return;
      i = c.end;
    }
    data.resize(line_begin);
  }

  static void strip_right(std::string& data) {
    size_t keep = 0;
    for (size_t i = 0; i < data.size();) {
      CodePoint c = code_point_at(data, i);
      i = c.end;
      if (!is_space(c.value)) keep = i;
    }
    data.resize(keep);
  }

  // At `%}` or `#}` with its sign in front: consumes it and the whitespace that goes with it.
  bool block_end(char mark) {
    char sign = peek();
    size_t skip = sign == '-' || sign == '+' ? 1 : 0;
    if (peek(skip) != mark || peek(skip + 1) != '}') return false;
    advance(skip + 2);
    if (skip != 0 && sign == '-') skip_space();
    if (skip == 0 && peek() == '\n') advance(1);
    return true;
  }

  void comment() {
    size_t end = source_.find("#}", at_);
    if (end == std::string::npos) fail("a comment is not closed");
    if (end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+')) --end;
    advance(end - at_);
    block_end('#');
  }

  bool raw_follows() const {
    size_t i = at_;
    while (i < source_.size() && static_cast<unsigned char>(source_[i]) <= ' ') ++i;
    if (source_.compare(i, 3, "raw") != 0) return false;
    i += 3;
    while (i < source_.size() && static_cast<unsigned char>(source_[i]) <= ' ') ++i;
    if (i < source_.size() && source_[i] == '-') ++i;
    return source_.compare(i, 2, "%}") == 0;
  }

  void raw() {
    uint32_t begin_line = line_;
    size_t close = source_.find("%}", at_);
    bool strip_after = source_[close - 1] == '-';
    advance(close + 2 - at_);
    if (strip_after) skip_space();
    size_t begin = at_;
    for (size_t open = source_.find("{%", begin); open != std::string::npos;
         open = source_.find("{%", open + 2)) {
      size_t i = open + 2;
      char sign = i < source_.size() && (source_[i] == '-' || source_[i] == '+') ? source_[i++] : '\0';
      while (i < source_.size() && static_cast<unsigned char>(source_[i]) <= ' ') ++i;
      if (source_.compare(i, 6, "endraw") != 0) continue;
      i += 6;
      while (i < source_.size() && static_cast<unsigned char>(source_[i]) <= ' ') ++i;
      std::string data = source_.substr(begin, open - begin);
      line_starting_ = begin > 0 && source_[begin - 1] == '\n';
      strip_before_tag(data, sign, true);
      push_data(std::move(data));
      advance(i - at_);
      if (!block_end('%')) fail("endraw is not closed");
      return;
    }
    line_ = begin_line;
    fail("raw is not closed by endraw");
  }

  void tag(bool variable) {
    push(variable ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    uint32_t begin_line = line_;
    std::string brackets;
    for (;;) {
      skip_space();
      if (at_ >= source_.size()) {
        line_ = begin_line;
        fail(variable ? "`{{` is not closed" : "`{%` is not closed");
      }
      if (brackets.empty()) {
        if (variable && (starts_with("}}") || starts_with("-}}"))) {
          bool strip = peek() == '-';
          advance(strip ? 3 : 2);
          push(TokenKind::kVariableEnd, "");
          if (strip) skip_space();
          return;
        }
        size_t mark = tokens_.size();
        push(TokenKind::kBlockEnd, "");
        if (!variable && block_end('%')) return;
        tokens_.resize(mark);
      }
      token(brackets);
    }
  }

  void token(std::string& brackets) {
    char c = peek();
    if (c == '"' || c == '\'') return string(c);
    if (is_digit(c)) return number();
    if (is_name_start(c)) {
      size_t end = at_;
      while (end < source_.size() && is_name_part(source_[end])) ++end;
      push(TokenKind::kName, source_.substr(at_, end - at_));
      advance(end - at_);
      return;
    }
    static constexpr std::string_view kOperators[] = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                                      "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                                      "]",  "{",  "}",  ".",  ",",  ":",  "|", ";"};
    for (std::string_view op : kOperators) {
      if (!starts_with(op)) continue;
      balance(op[0], brackets);
      push(TokenKind::kOperator, std::string(op));
      advance(op.size());
      return;
    }
    CodePoint bad = code_point_at(source_, at_);
    fail(fmt::format("unexpected character '{}'", source_.substr(at_, bad.end - bad.begin)));
  }

  void balance(char c, std::string& brackets) const {
    if (c == '(') brackets += ')';
    if (c == '[') brackets += ']';
    if (c == '{') brackets += '}';
    if (c != ')' && c != ']' && c != '}') return;
    if (brackets.empty()) fail(fmt::format("unexpected '{}'", c));
    if (brackets.back() != c) fail(fmt::format("unexpected '{}', expected '{}'", c, brackets.back()));
    brackets.pop_back();
  }

  void number() {
    Token token;
    token.line = line_;
    size_t end = at_;
    int base = 10;
    std::string digits;
    auto take_digits = [&](auto accepts) {
      while (end < source_.size() &&
             (accepts(source_[end]) ||
              (source_[end] == '_' && end + 1 < source_.size() && accepts(source_[end + 1])))) {
        if (source_[end] != '_') digits += source_[end];
        ++end;
      }
    };
    char marker = static_cast<char>(peek(1) | 0x20);
    if (peek() == '0' && (marker == 'x' || marker == 'o' || marker == 'b')) {
      base = marker == 'x' ? 16 : marker == 'o' ? 8 : 2;
      end += 2;
      take_digits([base](char d) {
        int value = is_digit(d)                              ? d - '0'
                    : (d | 0x20) >= 'a' && (d | 0x20) <= 'f' ? (d | 0x20) - 'a' + 10
                                                             : 99;
        return value < base;
      });
    } else {
      take_digits(is_digit);
      token.kind = TokenKind::kInteger;
      bool after_dot = !tokens_.empty() && tokens_.back().is_operator(".");
      if (!after_dot && end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
        digits += source_[end++];
        take_digits(is_digit);
        token.kind = TokenKind::kFloat;
      }
      size_t exponent = end;
      if (!after_dot && exponent < source_.size() && (source_[exponent] | 0x20) == 'e') {
        ++exponent;
        bool sign = exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-');
        if (exponent + sign < source_.size() && is_digit(source_[exponent + sign])) {
          digits += 'e';
          if (sign) digits += source_[exponent++];
          end = exponent;
          take_digits(is_digit);
          token.kind = TokenKind::kFloat;
        }
      }
    }
    if (token.kind == TokenKind::kFloat) {
      auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token.real);
      if (error != std::errc()) fail(fmt::format("the number {} is out of range", digits));
    } else {
      token.kind = TokenKind::kInteger;
      auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, base);
      if (error != std::errc())
        fail(fmt::format("the number {} is out of range", source_.substr(at_, end - at_)));
    }
    tokens_.push_back(std::move(token));
    advance(end - at_);
  }

  void string(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("a string is not closed");
    push(TokenKind::kString, unescape(std::string_view(source_).substr(at_ + 1, end - at_ - 1)));
    advance(end + 1 - at_);
  }

  std::string unescape(std::string_view in) const {
    std::string out;
    for (size_t i = 0; i < in.size(); ++i) {
      if (in[i] != '\\' || i + 1 == in.size()) {
        out += in[i];
        continue;
      }
      char c = in[++i];
      switch (c) {
        case '\n':
          break;
        case '\\':
        case '\'':
        case '"':
          out += c;
          break;
        case 'a':
          out += '\a';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'v':
          out += '\v';
          break;
        case 'x':
          append_code(out, in, i, 2);
          break;
        case 'u':
          append_code(out, in, i, 4);
          break;
        case 'U':
          append_code(out, in, i, 8);
          break;
        default:
          if (c >= '0' && c <= '7') {
            char32_t value = 0;
            size_t digits = 0;
            while (digits < 3 && i < in.size() && in[i] >= '0' && in[i] <= '7') {
              value = value * 8 + static_cast<char32_t>(in[i++] - '0');
              ++digits;
            }
            --i;
            append_utf8(out, value);
          } else {
            out += '\\';
            out += c;
          }
      }
    }
    return out;
  }

  // `i` is at the letter of \x, \u or \U; leaves it at the last digit.
  void append_code(std::string& out, std::string_view in, size_t& i, size_t digits) const {
    auto value = hex(in, i + 1, digits);
    if (!value) fail("an escape in a string is not complete");
    i += digits;
    if (*value >= 0xD800 && *value < 0xDC00 && in.substr(i + 1, 2) == "\\u") {
      auto low = hex(in, i + 3, 4);
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        value = 0x10000 + ((*value - 0xD800) << 10) + (*low - 0xDC00);
        i += 6;
      }
    }
    if (*value > 0x10FFFF || (*value >= 0xD800 && *value < 0xE000))
      fail("an escape in a string is no character");
    append_utf8(out, *value);
  }

  static std::optional<char32_t> hex(std::string_view in, size_t begin, size_t digits) {
    if (begin + digits > in.size()) return std::nullopt;
    uint32_t value = 0;
    auto [rest, error] = std::from_chars(in.data() + begin, in.data() + begin + digits, value, 16);
    if (error != std::errc() || rest != in.data() + begin + digits) return std::nullopt;
    return value;
  }

  std::string source_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (!is_valid_utf8(source)) {
    uint32_t line = 1;
    for (size_t i = 0; i < source.size();) {
      CodePoint c = code_point_at(source, i);
      if (c.value == kInvalid) break;
      line += c.value == '\n';
      i = c.end;
    }
    throw SourceError{line, "the template is not valid UTF-8"};
  }
  return Lexer(normalize_newlines(source)).run();
}

}  // namespace hearth::text::jinja
