// Rules that edit a text line by line: a line that matches a pattern is left out, or goes to the end.
//
// They are for prompts. What a model has read is used again for the next prompt as far as both begin alike,
// so a line that differs in every request makes all that follows it be read anew.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

// Immutable; for use from any thread.
class LineRules {
 public:
  static constexpr size_t kMaxRules = 64;
  static constexpr size_t kMaxPatternBytes = 1024;

  enum class Action {
    kDrop,
    kMoveToEnd,  // moved lines keep their order
  };
  struct Rule {
    std::string pattern;  // a Perl-compatible regular expression, looked for anywhere in a line
    Action action = Action::kDrop;
  };

  // kInvalidArgument names the pattern and what is wrong with it, or the limit.
  static Result<LineRules> compile(const std::vector<Rule>& rules);

  LineRules();  // no rules
  LineRules(LineRules&&) noexcept;
  LineRules& operator=(LineRules&&) noexcept;
  ~LineRules();

  bool empty() const { return rules_.empty(); }
  // For each line, the first rule that matches counts. A pattern that takes too many steps on a line (Perl's
  // patterns can take any number) does not match it.
  std::string apply(std::string_view text) const;

 private:
  struct Compiled;
  const Compiled* match(std::string_view line) const;

  std::vector<Compiled> rules_;
};

}  // namespace hearth::text
