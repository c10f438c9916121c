// The reader of GBNF, llama.cpp's notation for grammars.
#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "text/grammar/grammar.h"
#include "text/utf8.h"

namespace hearth::text::grammar {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Reader {
 public:
  Reader(std::string_view source, const GrammarLimits& limits) : source_(source), rules_(limits) {}

  Result<std::shared_ptr<const Grammar>> run() {
    skip_space(true);
    while (at_ < source_.size()) HEARTH_CHECK_OK(read_rule());
    const auto root = rule_ids_.find("root");
    if (root == rule_ids_.end()) {
      return fail(ErrorCategory::kInvalidArgument, "the grammar has no rule \"root\"");
    }
    return Grammar::compile(rules_, root->second);
  }

 private:
  template <typename... Args>
  tl::unexpected<Error> refuse(fmt::format_string<Args...> format, Args&&... args) const {
    const auto line = 1 + std::count(source_.begin(), source_.begin() + static_cast<ptrdiff_t>(at_), '\n');
    return propagate({ErrorCategory::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...)},
                     fmt::format("grammar line {}", line));
  }

  char peek() const { return at_ < source_.size() ? source_[at_] : '\0'; }
  bool take(std::string_view text) {
    if (!source_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  // White space and comments; line ends where a rule may go on after them.
  void skip_space(bool across_lines) {
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '#') {
        while (at_ < source_.size() && source_[at_] != '\n' && source_[at_] != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || (across_lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  // The bar before another alternative, which may stand on a later line.
  bool take_bar() {
    const size_t before = at_;
    skip_space(true);
    if (take("|")) return true;
    at_ = before;
    return false;
  }

  std::string_view take_word() {
    const size_t begin = at_;
    while (at_ < source_.size() && is_word(source_[at_])) ++at_;
    return source_.substr(begin, at_ - begin);
  }

  RuleId rule_id(std::string_view name) {
    const auto known = rule_ids_.find(std::string(name));
    if (known != rule_ids_.end()) return known->second;
    return rule_ids_[std::string(name)] = rules_.declare(std::string(name));
  }

  Status read_rule() {
    const std::string_view name = take_word();
    if (name.empty()) return refuse("a rule's name is expected");
    skip_space(false);
    if (!take("::=")) return refuse("\"::=\" is expected after \"{}\"", name);
    const RuleId rule = rule_id(name);
    HEARTH_CHECK_OK(rules_.status());
    if (rules_.is_defined(rule)) return refuse("the rule \"{}\" is defined twice", name);
    skip_space(true);
    HEARTH_TRY(const ExpressionId body, read_choice(false));
    rules_.define(rule, body);
    skip_space(false);
    if (at_ < source_.size() && peek() != '\n' && peek() != '\r') {
      return refuse("the end of the line is expected after the rule \"{}\"", name);
    }
    skip_space(true);
    return rules_.status();
  }

  // Inside a group, line ends are white space.
  Result<ExpressionId> read_choice(bool in_group) {
    if (++depth_ > rules_.limits().max_depth) {
      return refuse("groups are nested deeper than {} levels", rules_.limits().max_depth);
    }
    std::vector<ExpressionId> alternatives;
    do {
      // The first item may stand on a later line than "::=" or "|"; without one, the line end is the rule's.
      const size_t before = at_;
      skip_space(true);
      const size_t begin = at_;
      HEARTH_TRY(const ExpressionId alternative, read_sequence(in_group));
      if (at_ == begin) at_ = before;
      alternatives.push_back(alternative);
    } while (take_bar());
    --depth_;
    return rules_.choice(std::move(alternatives));
  }

  Result<ExpressionId> read_sequence(bool in_group) {
    std::vector<ExpressionId> parts;
    while (true) {
      const size_t before = at_;
      HEARTH_TRY(const std::optional<ExpressionId> item, read_item());
      if (!item) {
        at_ = before;
        break;
      }
      skip_space(in_group);
      HEARTH_TRY(const ExpressionId repeated, read_repeats(*item, in_group));
      parts.push_back(repeated);
    }
    return rules_.sequence(std::move(parts));
  }

  // Nothing where no item begins.
  Result<std::optional<ExpressionId>> read_item() {
    const char c = peek();
    if (c == '"') {
      ++at_;
      HEARTH_TRY(const std::string text, read_literal());
      return rules_.bytes(text);
    }
    if (c == '[') {
      ++at_;
      HEARTH_TRY(CodePointSet set, read_class());
      return rules_.characters(std::move(set));
    }
    if (c == '.') {
      ++at_;
      return rules_.characters(any_code_point());
    }
    if (c == '(') {
      ++at_;
      HEARTH_TRY(const ExpressionId group, read_choice(true));
      skip_space(true);
      if (!take(")")) return refuse("\")\" is expected");
      return group;
    }
    if (c == '<') {
      const size_t end = source_.find('>', at_);
      if (end == std::string_view::npos) return refuse("\">\" is expected");
      std::string_view spelling = source_.substr(at_, end + 1 - at_);
      if (spelling.find_first_of("\r\n \t") != std::string_view::npos) return refuse("\">\" is expected");
      at_ = end + 1;
      // <[id]> names a token by its number.
      if (spelling.starts_with("<[") && spelling.ends_with("]>")) {
        spelling = spelling.substr(1, spelling.size() - 2);
      }
      return rules_.token(spelling);
    }
    if (c == '!') return refuse("\"!\" before a token is not supported");
    if (is_word(c)) {
      const std::string_view name = take_word();
      // A name before "::=" begins the next rule.
      const size_t after = at_;
      skip_space(false);
      const bool next_rule = source_.substr(at_).starts_with("::=");
      at_ = after;
      if (next_rule) return std::optional<ExpressionId>();
      return rules_.use(rule_id(name));
    }
    return std::optional<ExpressionId>();
  }

  Result<ExpressionId> read_repeats(ExpressionId item, bool in_group) {
    for (int n = 0;; ++n) {
      if (n > rules_.limits().max_depth) return refuse("too many repeats of one item");
      if (take("*")) {
        item = rules_.repeat(item, 0);
      } else if (take("+")) {
        item = rules_.repeat(item, 1);
      } else if (take("?")) {
        item = rules_.optional(item);
      } else if (take("{")) {
        HEARTH_TRY(const uint32_t min, read_count());
        uint32_t max = min;
        if (take(",")) {
          skip_space(in_group);
          max = kUnbounded;
          if (is_digit(peek())) {
            HEARTH_TRY(max, read_count());
          }
        }
        if (!take("}")) return refuse("\"}}\" is expected");
        if (max < min) return refuse("a repeat of {} to {} times", min, max);
        item = rules_.repeat(item, min, max);
      } else {
        return item;
      }
      skip_space(in_group);
    }
  }

  Result<uint32_t> read_count() {
    static constexpr uint32_t kMaxCount = 1'000'000'000;
    skip_space(false);
    uint32_t count = 0;
    const char* begin = source_.data() + at_;
    const auto [end, problem] = std::from_chars(begin, source_.data() + source_.size(), count);
    if (problem != std::errc() || count > kMaxCount)
      return refuse("a count of at most {} is expected", kMaxCount);
    at_ += static_cast<size_t>(end - begin);
    skip_space(false);
    return count;
  }

  Result<std::string> read_literal() {
    std::string text;
    while (peek() != '"') {
      HEARTH_TRY(const uint32_t c, read_character());
      append_utf8(c, text);
    }
    ++at_;
    return text;
  }

  Result<CodePointSet> read_class() {
    const bool negated = take("^");
    std::vector<CodePointRange> ranges;
    while (peek() != ']') {
      HEARTH_TRY(const uint32_t first, read_character());
      uint32_t last = first;
      if (peek() == '-' && at_ + 1 < source_.size() && source_[at_ + 1] != ']') {
        ++at_;
        HEARTH_TRY(last, read_character());
        if (last < first) return refuse("a class has a range that ends before it begins");
      }
      ranges.push_back({first, last});
    }
    ++at_;
    CodePointSet set = normalised(std::move(ranges));
    if (negated) set = complement(set);
    if (set.empty()) return refuse("a class without any character matches nothing");
    return set;
  }

  // One character of a literal or class, or an escape for one.
  Result<uint32_t> read_character() {
    if (at_ >= source_.size() || source_[at_] == '\n') return refuse("a literal or class is not closed");
    if (source_[at_] != '\\') {
      const Utf8Char c = decode_utf8(source_.substr(at_));
      if (c.state != Utf8State::kValid) return refuse("the text is not valid UTF-8");
      at_ += c.length;
      return c.code_point;
    }
    if (++at_ >= source_.size()) return refuse("an escape is not finished");
    const char escape = source_[at_++];
    switch (escape) {
      case 'x':
        return read_hex(2);
      case 'u':
        return read_hex(4);
      case 'U':
        return read_hex(8);
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'n':
        return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
      case '/':
        return static_cast<uint32_t>(escape);
      default:
        return refuse("the escape \"\\{}\" is unknown", is_word(escape) ? escape : '?');
    }
  }

  Result<uint32_t> read_hex(size_t n_digits) {
    uint32_t value = 0;
    const std::string_view digits = source_.substr(at_, n_digits);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (problem != std::errc() || end != digits.data() + n_digits) {
      return refuse("an escape needs {} hexadecimal digits", n_digits);
    }
    if (value > kMaxCodePoint || (value >= 0xD800 && value < 0xE000)) {
      return refuse("U+{:04X} is not a character", value);
    }
    at_ += n_digits;
    return value;
  }

  std::string_view source_;
  size_t at_ = 0;
  int depth_ = 0;
  Rules rules_;
  std::unordered_map<std::string, RuleId> rule_ids_;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::from_gbnf(std::string_view source,
                                                          const GrammarLimits& limits) {
  if (source.size() > limits.max_source_bytes) {
    return fail(ErrorCategory::kInvalidArgument, "the grammar has {} bytes, at most {} are allowed",
                source.size(), limits.max_source_bytes);
  }
  return Reader(source, limits).run();
}

}  // namespace hearth::text::grammar
