// What must hold of rules before they can be compiled.
#pragma once

#include <vector>

#include "text/grammar/rules.h"

namespace hearth::text::grammar {

struct RuleFacts {
  std::vector<bool> may_be_empty;  // by expression
};

// Looks at what `root` reaches. kInvalidArgument names a rule that is used but not defined, that is left
// recursive, or that matches no finite text.
Result<RuleFacts> check_rules(const Rules& rules, RuleId root);

}  // namespace hearth::text::grammar
