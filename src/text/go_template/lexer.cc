#include "text/go_template/lexer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "text/jinja/marked_text.h"

namespace hearth::text::go_template {

namespace {

constexpr std::string_view kLeft = "{{";
constexpr std::string_view kRight = "}}";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Letters of other alphabets come as bytes above 0x7F.
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) {
  return starts_name(c) || is_digit(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    bool trim = false;
    while (true) {
      trim = text(trim);
      if (at_ >= source_.size()) break;
      trim = action();
    }
    add(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string message) const { throw SourceError{line_, std::move(message)}; }

  bool has(std::string_view text) const { return source_.substr(at_).starts_with(text); }
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  void advance(size_t bytes) {
    for (size_t end = at_ + bytes; at_ < end; ++at_) line_ += source_[at_] == '\n' ? 1 : 0;
  }

  Token& add(TokenKind kind, std::string text = {}) {
    Token& token = tokens_.emplace_back();
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    token.after_space = std::exchange(space_, false);
    return token;
  }

  // Up to the next action or the end. `trim`: the action before took the white space.
  bool text(bool trim) {
    if (trim) {
      while (at_ < source_.size() && is_blank(source_[at_])) advance(1);
    }
    const size_t end = std::min(source_.find(kLeft, at_), source_.size());
    std::string_view piece = source_.substr(at_, end - at_);
    const bool trims_left = end + 3 < source_.size() && source_[end + 2] == '-' && is_blank(source_[end + 3]);
    if (trims_left) {
      while (!piece.empty() && is_blank(piece.back())) piece.remove_suffix(1);
    }
    if (!piece.empty()) add(TokenKind::kText, std::string(piece));
    advance(end - at_);
    if (at_ < source_.size()) advance(kLeft.size() + (trims_left ? 1 : 0));
    return trims_left;
  }

  // "}}" or " -}}" here: its length.
  size_t closing() const {
    if (has(kRight)) return kRight.size();
    if (is_blank(peek()) && peek(1) == '-' && peek(2) == '}' && peek(3) == '}') return 4;
    return 0;
  }

  // After the left delimiter, up to the right one. Whether that takes the white space behind it.
  bool action() {
    size_t blanks = 0;
    while (is_blank(peek(blanks)) && at_ + blanks < source_.size()) ++blanks;
    const bool trimmed_left = at_ > 0 && source_[at_ - 1] == '-';
    if (source_.substr(at_ + (trimmed_left ? blanks : 0)).starts_with("/*")) {
      advance(trimmed_left ? blanks : 0);
      return comment();
    }
    add(TokenKind::kOpen);
    while (true) {
      if (at_ >= source_.size()) fail("an action is not closed: \"}}\" is missing");
      if (const size_t length = closing(); length != 0) {
        add(TokenKind::kClose);
        advance(length);
        return length == 4;
      }
      if (is_blank(peek())) {
        space_ = true;
        advance(1);
        continue;
      }
      token();
    }
  }

  bool comment() {
    const size_t end = source_.find("*/", at_ + 2);
    if (end == std::string_view::npos) fail("a comment is not closed: \"*/\" is missing");
    advance(end + 2 - at_);
    const size_t length = closing();
    if (length == 0) fail("a comment must fill its action: \"*/\" must stand next to \"}}\"");
    advance(length);
    return length == 4;
  }

  void token() {
    const char c = peek();
    if (c == '"') return quoted();
    if (c == '`') return raw();
    if (c == '\'') return character();
    if (is_digit(c) || ((c == '+' || c == '-') && (is_digit(peek(1)) || peek(1) == '.')) ||
        (c == '.' && is_digit(peek(1)))) {
      return number();
    }
    if (c == '.' && starts_name(peek(1))) {
      advance(1);
      name(TokenKind::kField, "");
      return;
    }
    if (c == '.') {
      add(TokenKind::kDot);
      return advance(1);
    }
    if (c == '$') {
      advance(1);
      name(TokenKind::kVariable, "$");
      return;
    }
    if (starts_name(c)) return name(TokenKind::kName, "");
    for (std::string_view symbol : {":=", "=", "|", "(", ")", ","}) {
      if (!has(symbol)) continue;
      add(TokenKind::kSymbol, std::string(symbol));
      return advance(symbol.size());
    }
    fail(fmt::format("'{}' is not expected in an action", printable(c)));
  }

  static std::string printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte >= 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }

  void name(TokenKind kind, std::string prefix) {
    size_t length = 0;
    while (continues_name(peek(length))) ++length;
    add(kind, prefix + std::string(source_.substr(at_, length)));
    advance(length);
  }

  void number() {
    size_t length = 1;
    while (continues_name(peek(length)) || peek(length) == '.' ||
           ((peek(length) == '+' || peek(length) == '-') &&
            (peek(length - 1) == 'e' || peek(length - 1) == 'E'))) {
      ++length;
    }
    const std::string_view spelled = source_.substr(at_, length);
    std::string digits;
    for (char c : spelled) {
      if (c != '_') digits += c;
    }
    const bool negative = digits[0] == '-';
    if (digits[0] == '-' || digits[0] == '+') digits.erase(0, 1);
    int base = 10;
    std::string_view rest = digits;
    if (rest.size() > 1 && rest[0] == '0') {
      const char mark = rest[1];
      base = mark == 'x' || mark == 'X'   ? 16
             : mark == 'b' || mark == 'B' ? 2
             : mark == 'o' || mark == 'O' ? 8
                                          : 10;
      if (base != 10) rest.remove_prefix(2);
    }
    uint64_t magnitude = 0;
    const char* end = rest.data() + rest.size();
    const auto [stop, error] = std::from_chars(rest.data(), end, magnitude, base);
    if (stop == end && error == std::errc() && magnitude <= INT64_MAX) {
      Token& token = add(TokenKind::kInteger, std::string(spelled));
      token.integer = negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
      return advance(length);
    }
    double real = 0;
    const auto [real_stop, real_error] = std::from_chars(rest.data(), end, real);
    if (base != 10 || real_stop != end || real_error != std::errc() ||
        error == std::errc::result_out_of_range) {
      fail(fmt::format("\"{}\" is not a number that a template can have", spelled));
    }
    add(TokenKind::kFloat, std::string(spelled)).real = negative ? -real : real;
    advance(length);
  }

  void quoted() {
    std::string text;
    size_t end = at_ + 1;
    while (true) {
      if (end >= source_.size() || source_[end] == '\n') fail("a string is not closed: '\"' is missing");
      if (source_[end] == '"') break;
      end = character_at(end, text);
    }
    add(TokenKind::kString, std::move(text));
    advance(end + 1 - at_);
  }

  void raw() {
    const size_t end = source_.find('`', at_ + 1);
    if (end == std::string_view::npos) fail("a string is not closed: '`' is missing");
    std::string text;
    for (char c : source_.substr(at_ + 1, end - at_ - 1)) {
      if (c != '\r') text += c;
    }
    add(TokenKind::kString, std::move(text));
    advance(end + 1 - at_);
  }

  void character() {
    std::string text;
    if (at_ + 1 >= source_.size() || source_[at_ + 1] == '\n') fail("a character is not closed");
    const size_t end = character_at(at_ + 1, text);
    if (end >= source_.size() || source_[end] != '\'') fail("a character is not closed");
    const jinja::CodePoint c = jinja::code_point_at(text, 0);
    if (c.value == jinja::kInvalid || c.end != text.size()) fail("this is not a character");
    add(TokenKind::kInteger, text).integer = static_cast<int64_t>(c.value);
    advance(end + 1 - at_);
  }

  // Reads one character or escape of a literal at `at`; returns where the next one begins.
  size_t character_at(size_t at, std::string& out) {
    if (source_[at] != '\\') {
      const size_t end = jinja::code_point_at(source_, at).end;
      out.append(source_.substr(at, end - at));
      return end;
    }
    const char c = at + 1 < source_.size() ? source_[at + 1] : '\0';
    constexpr std::string_view kLetters = "abfnrtv\\'\"";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    if (const size_t i = kLetters.find(c); i != std::string_view::npos) {
      out += kMeanings[i];
      return at + 2;
    }
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 3;
    const int base = c == 'x' || c == 'u' || c == 'U' ? 16 : 8;
    const size_t begin = base == 16 ? at + 2 : at + 1;
    uint32_t value = 0;
    const std::string_view number = source_.substr(std::min(begin, source_.size()), digits);
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value, base);
    const bool is_byte = digits <= 3;
    if (number.size() != digits || stop != number.data() + digits || error != std::errc() ||
        value > (is_byte ? 0xFFU : 0x10FFFFU) || (value >= 0xD800 && value <= 0xDFFF)) {
      fail(fmt::format("the escape \\{} is not known in a string", printable(c)));
    }
    if (is_byte) {
      out += static_cast<char>(value);
    } else {
      jinja::append_utf8(out, static_cast<char32_t>(value));
    }
    return begin + digits;
  }

  std::string_view source_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool space_ = false;
  std::vector<Token> tokens_;
};

// Whether an action that begins so can only be one of this language.
bool is_go_action(std::string_view inside) {
  if (inside.starts_with('-')) inside.remove_prefix(1);
  while (!inside.empty() && is_blank(inside.front())) inside.remove_prefix(1);
  if (inside.empty()) return false;
  if (inside.front() == '.' || inside.front() == '$' || inside.starts_with("/*")) return true;
  size_t length = 0;
  while (length < inside.size() && continues_name(inside[length])) ++length;
  const std::string_view word = inside.substr(0, length);
  if (word == "end" || word == "break" || word == "continue") return true;
  std::string_view rest = inside.substr(length);
  const bool apart = !rest.empty() && is_blank(rest.front());
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (word.empty() || rest.empty()) return false;
  if (word == "if" || word == "with") return apart || rest.front() == '(';
  if (word == "range" && rest.front() == '(') return apart;
  // A keyword or function and its first argument, with nothing but space between them.
  return apart && (rest.front() == '.' || rest.front() == '$' || rest.front() == '"');
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

bool is_go_template(std::string_view source) {
  for (size_t at = source.find('{'); at != std::string_view::npos; at = source.find('{', at + 1)) {
    const std::string_view rest = source.substr(at);
    if (rest.starts_with("{%") || rest.starts_with("{#")) return false;
    if (rest.starts_with(kLeft) && is_go_action(rest.substr(kLeft.size()))) return true;
  }
  return false;
}

}  // namespace hearth::text::go_template
