#include "text/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "text/utf8.h"

namespace hearth::text {
namespace {

// PCRE's own \s also has U+180E, which Unicode took out of White_Space in 6.3, after which the published
// tokenizers were made. So it is spelled out.
std::string expand_white_space(std::string_view pattern) {
  constexpr std::string_view kWhiteSpace = "\\p{Z}\\t-\\r\\x{85}";
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's') {
        in_class ? out.append(kWhiteSpace) : out.append("[").append(kWhiteSpace).append("]");
      } else if (escaped == 'S') {
        out.append("[^").append(kWhiteSpace).append("]");
      } else {
        out.append({'\\', escaped});
      }
      continue;
    }
    if (pattern[i] == '[') in_class = true;
    if (pattern[i] == ']') in_class = false;
    out.push_back(pattern[i]);
  }
  return out;
}

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
using MatchData = std::unique_ptr<pcre2_match_data, MatchDataDeleter>;
using MatchContext = std::unique_ptr<pcre2_match_context, MatchContextDeleter>;

// How far the patterns backtrack at worst is a small multiple of the text; anything beyond is a defect of a
// pattern, and windows keep its cost down.
constexpr size_t kBudgetBase = 1 << 20;
constexpr size_t kBudgetPerByte = 4;
constexpr size_t kWindowBytes = 1024;

}  // namespace

struct PreTokenizer::Pattern {
  std::unique_ptr<pcre2_code, CodeDeleter> code;

  // Appends the ends of the pieces of text[begin, end), which is valid UTF-8.
  void split(std::string_view text, size_t begin, size_t end, std::vector<uint32_t>& ends) const;

 private:
  // Returns where it stopped: `end`, or earlier if the budget ran out there.
  size_t split_until_budget(std::string_view text, size_t begin, size_t end, size_t budget,
                            std::vector<uint32_t>& ends) const;
};

size_t PreTokenizer::Pattern::split_until_budget(std::string_view text, size_t begin, size_t end,
                                                 size_t budget, std::vector<uint32_t>& ends) const {
  const MatchData data(pcre2_match_data_create(1, nullptr));
  const MatchContext context(pcre2_match_context_create(nullptr));
  if (data == nullptr || context == nullptr) return begin;
  pcre2_set_match_limit(context.get(), static_cast<uint32_t>(std::min<size_t>(budget, UINT32_MAX)));

  // The subject begins at the piece, so that look-around sees nothing of its neighbours.
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data() + begin);
  const size_t length = end - begin;
  size_t at = 0;
  while (at < length) {
    const int status = pcre2_match(code.get(), subject, length, at, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY,
                                   data.get(), context.get());
    if (status == PCRE2_ERROR_NOMATCH) break;
    if (status < 0) return begin + at;
    const PCRE2_SIZE* match = pcre2_get_ovector_pointer(data.get());
    if (match[0] > at) ends.push_back(static_cast<uint32_t>(begin + match[0]));
    ends.push_back(static_cast<uint32_t>(begin + match[1]));
    at = match[1];
  }
  if (at < length) ends.push_back(static_cast<uint32_t>(end));
  return end;
}

void PreTokenizer::Pattern::split(std::string_view text, size_t begin, size_t end,
                                  std::vector<uint32_t>& ends) const {
  begin = split_until_budget(text, begin, end, kBudgetBase + kBudgetPerByte * (end - begin), ends);
  while (begin < end) {
    size_t window_end = std::min(end, begin + kWindowBytes);
    // Not inside a character: 10xxxxxx bytes continue one.
    while (window_end < end && (static_cast<uint8_t>(text[window_end]) & 0xC0) == 0x80) --window_end;
    const size_t stopped = split_until_budget(text, begin, window_end, kBudgetBase, ends);
    if (stopped < window_end) ends.push_back(static_cast<uint32_t>(window_end));
    begin = window_end;
  }
}

PreTokenizer::PreTokenizer() = default;
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

Result<PreTokenizer> PreTokenizer::compile(std::span<const std::string_view> patterns) {
  PreTokenizer result;
  for (const std::string_view pattern : patterns) {
    const std::string expanded = expand_white_space(pattern);
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expanded.data()), expanded.size(),
                                     PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
    if (code == nullptr) {
      return fail(ErrorCategory::kInternal, "pre-tokenizer pattern {}: error {} at {}", expanded, error,
                  offset);
    }
    auto compiled = std::make_unique<Pattern>();
    compiled->code.reset(code);
    // Where there is no just-in-time compiler, matching interprets: slower, with the same result.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    result.patterns_.push_back(std::move(compiled));
  }
  return result;
}

void PreTokenizer::split(std::string_view text, std::vector<uint32_t>& ends) const {
  ends.clear();
  std::vector<uint32_t> pieces;
  std::vector<uint32_t> finer;
  size_t at = 0;
  while (at < text.size()) {
    const size_t valid_end = at + valid_utf8_prefix(text.substr(at));
    if (valid_end > at) {
      pieces.assign(1, static_cast<uint32_t>(valid_end));
      for (const auto& pattern : patterns_) {
        finer.clear();
        size_t begin = at;
        for (const uint32_t end : pieces) {
          pattern->split(text, begin, end, finer);
          begin = end;
        }
        pieces.swap(finer);
      }
      ends.insert(ends.end(), pieces.begin(), pieces.end());
      at = valid_end;
    }
    if (at == text.size()) break;
    do {
      at += decode_utf8(text.substr(at)).length;
    } while (at < text.size() && decode_utf8(text.substr(at)).state != Utf8State::kValid);
    ends.push_back(static_cast<uint32_t>(at));
  }
}

}  // namespace hearth::text
