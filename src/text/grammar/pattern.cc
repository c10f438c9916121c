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
  Reader(std::string_view source, const ValueSyntax& syntax, const Lengths& lengths)
      : source_(source), lengths_(lengths), syntax_(syntax), rules_(syntax.rules()) {}

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

  // A part of a sequence: an item, `min` to `max` times.
  struct Part {
    Pattern item;
    uint32_t min = 1, max = 1;
  };

  Part anything() const { return {{syntax_.any_character(), 1, 1}, 0, kUnbounded}; }
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
    const bool from_the_start = at_ == 0;
    std::vector<Part> parts;
    if (outermost && !take("^")) parts.push_back(anything());
    bool anchored = false;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (outermost && take("$")) {
        anchored = true;
        if (!at_end() && peek() != '|') return refuse("\"$\" is supported at the end only");
        break;
      }
      HEARTH_TRY(const Pattern item, read_item());
      HEARTH_TRY(const Part part, read_repeat(item));
      parts.push_back(part);
    }
    if (outermost && !anchored) parts.push_back(anything());
    if (outermost && from_the_start && at_end()) keep_to_lengths(parts);
    std::vector<ExpressionId> contents;
    Pattern all;
    for (const Part& part : parts) {
      const Pattern repeated = whole(part);
      contents.push_back(repeated.content);
      all.min_length = sum(all.min_length, repeated.min_length);
      all.max_length = sum(all.max_length, repeated.max_length);
    }
    all.content = rules_.sequence(std::move(contents));
    return all;
  }

  Pattern whole(const Part& part) const {
    if (part.min == 1 && part.max == 1) return part.item;
    return {rules_.repeat(part.item.content, part.min, part.max), product(part.item.min_length, part.min),
            part.max == kUnbounded && part.item.max_length > 0 ? Pattern::kAnyLength
                                                               : product(part.item.max_length, part.max)};
  }

  void keep_to_lengths(std::vector<Part>& parts) const {
    Part* varying = nullptr;
    uint64_t fixed = 0;
    for (Part& part : parts) {
      const Pattern& item = part.item;
      if (part.min == part.max && item.min_length == item.max_length) {
        fixed = sum(fixed, product(item.min_length, part.min));
      } else if (varying != nullptr || item.min_length != 1 || item.max_length != 1) {
        return;
      } else {
        varying = &part;
      }
    }
    if (varying == nullptr || lengths_.max < fixed) return;
    const uint64_t min = std::max<uint64_t>(varying->min, lengths_.min > fixed ? lengths_.min - fixed : 0);
    uint64_t max = varying->max == kUnbounded ? Pattern::kAnyLength : varying->max;
    if (lengths_.max != Pattern::kAnyLength) max = std::min(max, lengths_.max - fixed);
    if (max < min || min > kMaxCount) return;
    varying->min = static_cast<uint32_t>(min);
    varying->max = max > kMaxCount ? kUnbounded : static_cast<uint32_t>(max);
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

  Result<Part> read_repeat(const Pattern& item) {
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
      return Part{item};
    }
    take("?");  // lazy or greedy, the same texts match
    if (peek() == '*' || peek() == '+' || peek() == '{') return refuse("a repeat follows a repeat");
    return Part{item, min, max};
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
  const Lengths lengths_;
  size_t at_ = 0;
  int depth_ = 0;
  const ValueSyntax& syntax_;
  Rules& rules_;
};

}  // namespace

Result<Pattern> read_pattern(std::string_view source, const ValueSyntax& syntax, const Lengths& lengths) {
  if (source.size() > kMaxBytes) {
    return fail(ErrorCategory::kInvalidArgument, "it has {} bytes, at most {} are allowed", source.size(),
                kMaxBytes);
  }
  return Reader(source, syntax, lengths).run();
}

}  // namespace hearth::text::grammar
