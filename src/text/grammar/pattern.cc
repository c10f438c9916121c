#include "text/grammar/pattern.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "text/utf8.h"

namespace hearth::text::grammar {
namespace {

constexpr size_t kMaxBytes = 1024;
constexpr int kMaxDepth = 50;
constexpr uint32_t kMaxCount = 1'000'000;

const CodePointSet kDigit = {{'0', '9'}};
const CodePointSet kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CodePointSet kSpace = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                             {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                             {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CodePointSet kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

uint64_t sum(uint64_t a, uint64_t b) {
  return a > Pattern::kAnyLength - b ? Pattern::kAnyLength : a + b;
}

uint64_t product(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return 0;
  return a > Pattern::kAnyLength / b ? Pattern::kAnyLength : a * b;
}

class Reader {
 public:
  Reader(std::string_view source, const ValueSyntax& syntax)
      : source_(source), syntax_(syntax), rules_(syntax.rules()) {}

  Result<Pattern> run() {
    HEARTH_TRY(const Pattern pattern, read_choice(true));
    if (at_ < source_.size()) return refuse("a \")\" has no \"(\"");
    return pattern;
  }

 private:
  template <typename... Args>
  static tl::unexpected<Error> refuse(fmt::format_string<Args...> format, Args&&... args) {
    return fail(ErrorCategory::kInvalidArgument, "{}", fmt::format(format, std::forward<Args>(args)...));
  }

  bool at_end() const { return at_ >= source_.size(); }
  char peek() const { return at_end() ? '\0' : source_[at_]; }
  bool take(std::string_view text) {
    if (!source_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  Pattern anything() const { return {rules_.repeat(syntax_.any_character(), 0), 0, Pattern::kAnyLength}; }
  Pattern one_of(const CodePointSet& set) const { return {syntax_.character_of(set), 1, 1}; }

  Result<Pattern> read_choice(bool outermost) {
    if (++depth_ > kMaxDepth) return refuse("groups are nested deeper than {} levels", kMaxDepth);
    std::vector<ExpressionId> choices;
    Pattern all{0, Pattern::kAnyLength, 0};
    do {
      HEARTH_TRY(const Pattern choice, read_sequence(outermost));
      choices.push_back(choice.content);
      all.min_length = std::min(all.min_length, choice.min_length);
      all.max_length = std::max(all.max_length, choice.max_length);
    } while (take("|"));
    --depth_;
    all.content = rules_.choice(std::move(choices));
    return all;
  }

  Result<Pattern> read_sequence(bool outermost) {
    std::vector<ExpressionId> parts;
    Pattern all;
    const auto add = [&](const Pattern& part) {
      parts.push_back(part.content);
      all.min_length = sum(all.min_length, part.min_length);
      all.max_length = sum(all.max_length, part.max_length);
    };
    if (outermost && !take("^")) add(anything());
    bool anchored = false;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (outermost && take("$")) {
        anchored = true;
        if (!at_end() && peek() != '|') return refuse("\"$\" is supported at the end only");
        break;
      }
      HEARTH_TRY(const Pattern part, read_item());
      HEARTH_TRY(const Pattern repeated, read_repeat(part));
      add(repeated);
    }
    if (outermost && !anchored) add(anything());
    all.content = rules_.sequence(std::move(parts));
    return all;
  }

  Result<Pattern> read_item() {
    const char c = peek();
    if (c == '(') {
      ++at_;
      if (take("?")) {
        if (take("<") && peek() != '=' && peek() != '!') {
          const size_t end = source_.find('>', at_);
          if (end == std::string_view::npos) return refuse("a group's name is not closed");
          at_ = end + 1;
        } else if (!take(":")) {
          return refuse("look-around is not supported");
        }
      }
      HEARTH_TRY(const Pattern group, read_choice(false));
      if (!take(")")) return refuse("a \"(\" has no \")\"");
      return group;
    }
    if (c == '[') {
      ++at_;
      HEARTH_TRY(const CodePointSet set, read_class());
      return one_of(set);
    }
    if (c == '.') {
      ++at_;
      return one_of(complement(kLineEnds));
    }
    if (c == '^' || c == '$') return refuse("\"{}\" is supported at the outermost level only", c);
    if (c == '*' || c == '+' || c == '?' || c == '{') return refuse("nothing stands before \"{}\"", c);
    HEARTH_TRY(const CodePointSet set, read_character(false));
    return one_of(set);
  }

  Result<Pattern> read_repeat(Pattern part) {
    uint32_t min = 1, max = 1;
    if (take("*")) {
      min = 0, max = kUnbounded;
    } else if (take("+")) {
      max = kUnbounded;
    } else if (take("?")) {
      min = 0;
    } else if (take("{")) {
      HEARTH_TRY(min, read_count());
      max = min;
      if (take(",")) {
        max = kUnbounded;
        if (peek() != '}') {
          HEARTH_TRY(max, read_count());
        }
      }
      if (!take("}")) return refuse("a count is not closed");
      if (max < min) return refuse("a repeat of {} to {} times", min, max);
    } else {
      return part;
    }
    take("?");  // lazy or greedy, the same texts match
    if (peek() == '*' || peek() == '+' || peek() == '{') return refuse("a repeat follows a repeat");
    return Pattern{
        rules_.repeat(part.content, min, max), product(part.min_length, min),
        max == kUnbounded && part.max_length > 0 ? Pattern::kAnyLength : product(part.max_length, max)};
  }

  Result<uint32_t> read_count() {
    uint32_t count = 0;
    const char* begin = source_.data() + at_;
    const auto [end, problem] = std::from_chars(begin, source_.data() + source_.size(), count);
    if (problem != std::errc() || count > kMaxCount)
      return refuse("a count is not a number up to {}", kMaxCount);
    at_ += static_cast<size_t>(end - begin);
    return count;
  }

  Result<CodePointSet> read_class() {
    const bool negated = take("^");
    std::vector<CodePointRange> ranges;
    while (!take("]")) {
      HEARTH_TRY(const CodePointSet first, read_character(true));
      const bool single = first.size() == 1 && first[0].first == first[0].last;
      if (single && peek() == '-' && at_ + 1 < source_.size() && source_[at_ + 1] != ']') {
        ++at_;
        HEARTH_TRY(const CodePointSet last, read_character(true));
        if (last.size() != 1 || last[0].first != last[0].last || last[0].first < first[0].first) {
          return refuse("a class has a range that ends before it begins");
        }
        ranges.push_back({first[0].first, last[0].first});
      } else {
        ranges.insert(ranges.end(), first.begin(), first.end());
      }
    }
    CodePointSet set = normalised(std::move(ranges));
    if (negated) set = complement(set);
    if (set.empty()) return refuse("a class without any character matches nothing");
    return set;
  }

  // A character, or the set that an escape stands for.
  Result<CodePointSet> read_character(bool in_class) {
    if (at_end()) return refuse("{}", in_class ? "a class is not closed" : "an escape is not finished");
    const auto just = [](uint32_t c) { return CodePointSet{{c, c}}; };
    if (source_[at_] != '\\') {
      const Utf8Char c = decode_utf8(source_.substr(at_));
      if (c.state != Utf8State::kValid) return refuse("it is not valid UTF-8");
      at_ += c.length;
      return just(c.code_point);
    }
    if (++at_ >= source_.size()) return refuse("an escape is not finished");
    const char escape = source_[at_++];
    switch (escape) {
      case 'd':
        return kDigit;
      case 'D':
        return complement(kDigit);
      case 'w':
        return kWord;
      case 'W':
        return complement(kWord);
      case 's':
        return kSpace;
      case 'S':
        return complement(kSpace);
      case 't':
        return just('\t');
      case 'n':
        return just('\n');
      case 'r':
        return just('\r');
      case 'f':
        return just('\f');
      case 'v':
        return just('\v');
      case '0':
        if (peek() < '0' || peek() > '9') return just(0);
        break;
      case 'x':
        return read_hex(2);
      case 'u': {
        if (!take("{")) return read_hex(4);
        const size_t end = source_.find('}', at_);
        if (end == std::string_view::npos || end == at_ || end - at_ > 6)
          return refuse("\\u{{…}} is not closed");
        HEARTH_TRY(CodePointSet set, read_hex(end - at_));
        ++at_;
        return set;
      }
      case 'b':
        if (in_class) return just('\b');
        break;
      default: {
        const bool word = (escape >= '0' && escape <= '9') || (escape >= 'A' && escape <= 'Z') ||
                          (escape >= 'a' && escape <= 'z') || static_cast<uint8_t>(escape) >= 0x80;
        if (!word) return just(static_cast<uint32_t>(escape));
      }
    }
    return refuse("the escape \"\\{}\" is not supported", static_cast<uint8_t>(escape) < 0x80 ? escape : '?');
  }

  Result<CodePointSet> read_hex(size_t n_digits) {
    uint32_t c = 0;
    const std::string_view digits = source_.substr(at_, n_digits);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), c, 16);
    if (problem != std::errc() || end != digits.data() + n_digits) {
      return refuse("an escape needs {} hexadecimal digits", n_digits);
    }
    if (c > kMaxCodePoint || (c >= 0xD800 && c < 0xE000)) return refuse("U+{:04X} is not a character", c);
    at_ += n_digits;
    return CodePointSet{{c, c}};
  }

  std::string_view source_;
  size_t at_ = 0;
  int depth_ = 0;
  const ValueSyntax& syntax_;
  Rules& rules_;
};

}  // namespace

Result<Pattern> read_pattern(std::string_view source, const ValueSyntax& syntax) {
  if (source.size() > kMaxBytes) {
    return fail(ErrorCategory::kInvalidArgument, "it has {} bytes, at most {} are allowed", source.size(),
                kMaxBytes);
  }
  return Reader(source, syntax).run();
}

}  // namespace hearth::text::grammar
