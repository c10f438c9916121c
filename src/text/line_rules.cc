#include "text/line_rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace hearth::text {
namespace {

constexpr uint32_t kMatchLimit = 100'000;  // steps on one line

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string joined(const std::vector<std::string_view>& lines) {
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) text.append(i == 0 ? "" : "\n").append(lines[i]);
  return text;
}

}  // namespace

struct LineRules::Compiled {
  std::unique_ptr<pcre2_code, CodeDeleter> code;
  Action action;
};

LineRules::LineRules() = default;
LineRules::LineRules(LineRules&&) noexcept = default;
LineRules& LineRules::operator=(LineRules&&) noexcept = default;
LineRules::~LineRules() = default;

Result<LineRules> LineRules::compile(const std::vector<Rule>& rules) {
  if (rules.size() > kMaxRules) {
    return fail(ErrorCategory::kInvalidArgument, "{} patterns, at most {} are allowed", rules.size(),
                kMaxRules);
  }
  LineRules result;
  for (const Rule& rule : rules) {
    if (rule.pattern.empty() || rule.pattern.size() > kMaxPatternBytes) {
      return fail(ErrorCategory::kInvalidArgument, "a pattern of {} bytes, it must have 1 to {}",
                  rule.pattern.size(), kMaxPatternBytes);
    }
    int problem = 0;
    size_t offset = 0;
    Compiled compiled{.code = nullptr, .action = rule.action};
    compiled.code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rule.pattern.data()), rule.pattern.size(),
                                      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &problem,
                                      &offset, nullptr));
    if (compiled.code == nullptr) {
      PCRE2_UCHAR message[256] = {};
      pcre2_get_error_message(problem, message, sizeof message);
      return fail(ErrorCategory::kInvalidArgument, "pattern \"{}\": {} at byte {}", rule.pattern,
                  reinterpret_cast<const char*>(message), offset);
    }
    pcre2_jit_compile(compiled.code.get(), PCRE2_JIT_COMPLETE);  // without it, matching is only slower
    result.rules_.push_back(std::move(compiled));
  }
  return result;
}

const LineRules::Compiled* LineRules::match(std::string_view line) const {
  const std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(pcre2_match_data_create(1, nullptr));
  const std::unique_ptr<pcre2_match_context, MatchContextDeleter> context(
      pcre2_match_context_create(nullptr));
  if (data == nullptr || context == nullptr) return nullptr;
  pcre2_set_match_limit(context.get(), kMatchLimit);
  for (const Compiled& rule : rules_) {
    const int status = pcre2_match(rule.code.get(), reinterpret_cast<PCRE2_SPTR>(line.data()), line.size(), 0,
                                   0, data.get(), context.get());
    if (status >= 0) return &rule;
  }
  return nullptr;
}

std::string LineRules::apply(std::string_view text) const {
  std::vector<std::string_view> kept;
  std::vector<std::string_view> moved;
  for (std::string_view rest = text;;) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const Compiled* rule = match(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
    if (rule == nullptr) {
      kept.push_back(line);
    } else if (rule->action == Action::kMoveToEnd) {
      moved.push_back(line);
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  // A line break at the end of the text stays there.
  const bool open_end =
      !kept.empty() && kept.back().empty() && kept.back().data() == text.data() + text.size();
  kept.insert(kept.end() - (open_end ? 1 : 0), moved.begin(), moved.end());
  return joined(kept);
}

}  // namespace hearth::text
