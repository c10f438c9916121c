#include "text/grammar/rule_check.h"

namespace hearth::text::grammar {
namespace {

using Kind = Expression::Kind;

class Checker {
 public:
  Checker(const Rules& rules, RuleId root) : rules_(rules), root_(root) {}

  Result<RuleFacts> run() {
    HEARTH_CHECK_OK(collect());
    find_users();
    may_be_empty_ = spread([](const Expression& e) {
      return e.kind == Kind::kBytes || e.kind == Kind::kClass ? kNever : needs(e);
    });
    is_finite_ = spread([](const Expression& e) {
      if (e.kind == Kind::kClass) return e.characters.empty() ? kNever : 0;
      return e.kind == Kind::kBytes ? 0 : needs(e);
    });
    for (const RuleId rule : reached_rules_) {
      if (!is_finite_[rules_.body(rule)]) {
        return fail(ErrorCategory::kInvalidArgument, "the rule \"{}\" matches no finite text",
                    rules_.name(rule));
      }
    }
    HEARTH_CHECK_OK(check_left_recursion());
    return RuleFacts{std::move(may_be_empty_)};
  }

 private:
  // Rules and expressions that the root reaches.
  Status collect() {
    std::vector<bool> seen_rules(rules_.n_rules()), seen(rules_.n_expressions());
    std::vector<RuleId> rules = {root_};
    seen_rules[root_] = true;
    while (!rules.empty()) {
      const RuleId rule = rules.back();
      rules.pop_back();
      if (!rules_.is_defined(rule)) {
        return fail(ErrorCategory::kInvalidArgument, "the rule \"{}\" is used but not defined",
                    rules_.name(rule));
      }
      reached_rules_.push_back(rule);
      std::vector<ExpressionId> todo = {rules_.body(rule)};
      while (!todo.empty()) {
        const ExpressionId id = todo.back();
        todo.pop_back();
        if (seen[id]) continue;
        seen[id] = true;
        reached_.push_back(id);
        const Expression& e = rules_[id];
        todo.insert(todo.end(), e.parts.begin(), e.parts.end());
        if (e.kind == Kind::kRule && !seen_rules[e.rule]) {
          seen_rules[e.rule] = true;
          rules.push_back(e.rule);
        }
      }
    }
    return {};
  }

  // For every expression those that have it as a part.
  void find_users() {
    users_.resize(rules_.n_expressions());
    for (const ExpressionId id : reached_) {
      const Expression& e = rules_[id];
      for (const ExpressionId part : e.parts) users_[part].push_back(id);
      if (e.kind == Kind::kRule) users_[rules_.body(e.rule)].push_back(id);
    }
  }

  // Of how many of its parts something must hold to hold of the whole.
  static constexpr size_t kNever = ~size_t{0};
  static size_t needs(const Expression& e) {
    if (e.kind == Kind::kSequence) return e.parts.size();
    return e.kind == Kind::kRepeat && e.min == 0 ? 0 : 1;
  }

  // The least set in which an expression is when as many of its parts are as it needs. Linear in the grammar.
  template <typename Needs>
  std::vector<bool> spread(const Needs& initial_needs) const {
    std::vector<bool> holds(rules_.n_expressions());
    std::vector<size_t> missing(rules_.n_expressions(), kNever);
    std::vector<ExpressionId> todo;
    const auto set = [&](ExpressionId id) {
      holds[id] = true;
      todo.push_back(id);
    };
    for (const ExpressionId id : reached_) {
      missing[id] = initial_needs(rules_[id]);
      if (missing[id] == 0) set(id);
    }
    while (!todo.empty()) {
      const ExpressionId id = todo.back();
      todo.pop_back();
      for (const ExpressionId user : users_[id]) {
        if (!holds[user] && missing[user] != kNever && --missing[user] == 0) set(user);
      }
    }
    return holds;
  }

  // The rules an expression may call before its first byte.
  void add_first_calls(ExpressionId start, std::vector<RuleId>& out) {
    std::vector<ExpressionId> todo = {start};
    while (!todo.empty()) {
      const ExpressionId id = todo.back();
      todo.pop_back();
      if (seen_stamp_[id] == stamp_) continue;
      seen_stamp_[id] = stamp_;
      const Expression& e = rules_[id];
      if (e.kind == Kind::kRule) out.push_back(e.rule);
      for (const ExpressionId part : e.parts) {
        todo.push_back(part);
        if (e.kind == Kind::kSequence && !may_be_empty_[part]) break;
      }
    }
  }

  Status check_left_recursion() {
    std::vector<std::vector<RuleId>> first_calls(rules_.n_rules());
    seen_stamp_.assign(rules_.n_expressions(), 0);
    for (const RuleId rule : reached_rules_) {
      ++stamp_;
      add_first_calls(rules_.body(rule), first_calls[rule]);
    }
    enum class Mark : uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(rules_.n_rules(), Mark::kNew);
    struct Visit {
      RuleId rule;
      size_t next_call;
    };
    for (const RuleId start : reached_rules_) {
      if (marks[start] != Mark::kNew) continue;
      std::vector<Visit> path = {{start, 0}};
      marks[start] = Mark::kOpen;
      while (!path.empty()) {
        Visit& visit = path.back();
        if (visit.next_call == first_calls[visit.rule].size()) {
          marks[visit.rule] = Mark::kDone;
          path.pop_back();
          continue;
        }
        const RuleId called = first_calls[visit.rule][visit.next_call++];
        if (marks[called] == Mark::kOpen) {
          return fail(ErrorCategory::kInvalidArgument,
                      "the rule \"{}\" is left recursive: it calls itself before it matches anything",
                      rules_.name(called));
        }
        if (marks[called] == Mark::kNew) {
          marks[called] = Mark::kOpen;
          path.push_back({called, 0});
        }
      }
    }
    return {};
  }

  const Rules& rules_;
  RuleId root_;
  std::vector<RuleId> reached_rules_;
  std::vector<ExpressionId> reached_;
  std::vector<std::vector<ExpressionId>> users_;  // by expression
  std::vector<bool> may_be_empty_, is_finite_;    // likewise
  std::vector<uint32_t> seen_stamp_;
  uint32_t stamp_ = 0;
};

}  // namespace

Result<RuleFacts> check_rules(const Rules& rules, RuleId root) {
  return Checker(rules, root).run();
}

}  // namespace hearth::text::grammar
