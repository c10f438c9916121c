// Expressions to the instructions of a Grammar.
#include <algorithm>
#include <bitset>
#include <optional>

#include "text/grammar/grammar.h"
#include "text/grammar/rule_check.h"
#include "text/utf8.h"

namespace hearth::text::grammar {
namespace {

using Kind = Expression::Kind;
using Op = Instruction::Op;

// Every rule's body ends here.
constexpr uint32_t kReturn = 0;

// Code is written from its end to its beginning: each part knows where to go on.
class Compiler {
 public:
  Compiler(const Rules& rules, const RuleFacts& facts) : rules_(rules), facts_(facts) {
    program_.push_back({.op = Op::kReturn});
    entries_.resize(rules.n_rules());
  }

  Result<uint32_t> run(RuleId root) {
    request(root);
    while (!waiting_.empty()) {
      const RuleId rule = waiting_.back();
      waiting_.pop_back();
      entries_[rule] = emit(rules_.body(rule), kReturn);
      if (too_large_) {
        return fail(ErrorCategory::kInvalidArgument,
                    "the grammar is too large (at most {} instructions; repeats inside repeats multiply)",
                    rules_.limits().max_instructions);
      }
    }
    for (Instruction& instruction : program_) {
      if (instruction.op == Op::kCall) instruction.other = *entries_[instruction.other];
    }
    return *entries_[root];
  }

  std::vector<Instruction> take_program() { return std::move(program_); }

 private:
  void request(RuleId rule) {
    if (entries_[rule]) return;
    entries_[rule] = kReturn;  // until its code is there
    waiting_.push_back(rule);
  }

  uint32_t add(Instruction instruction) {
    if (program_.size() >= rules_.limits().max_instructions) {
      too_large_ = true;
      return kReturn;
    }
    program_.push_back(instruction);
    return static_cast<uint32_t>(program_.size() - 1);
  }

  uint32_t byte(uint8_t first, uint8_t last, uint32_t next) {
    return add({.op = Op::kByte, .first = first, .last = last, .next = next});
  }
  uint32_t split(uint32_t a, uint32_t b) { return add({.op = Op::kSplit, .next = a, .other = b}); }

  uint32_t emit(ExpressionId id, uint32_t next) {
    if (too_large_) return kReturn;
    const Expression& e = rules_[id];
    switch (e.kind) {
      case Kind::kBytes:
        for (size_t i = e.bytes.size(); i-- > 0;) {
          const auto b = static_cast<uint8_t>(e.bytes[i]);
          next = byte(b, b, next);
        }
        return next;
      case Kind::kClass:
        return emit_class(e.characters, next);
      case Kind::kSequence:
        for (size_t i = e.parts.size(); i-- > 0;) next = emit(e.parts[i], next);
        return next;
      case Kind::kChoice: {
        uint32_t entry = emit(e.parts.back(), next);
        for (size_t i = e.parts.size() - 1; i-- > 0;) entry = split(emit(e.parts[i], next), entry);
        return entry;
      }
      case Kind::kRepeat:
        return emit_repeat(e, next);
      case Kind::kRule:
        request(e.rule);
        return add({.op = Op::kCall, .next = next, .other = e.rule});
    }
    return next;
  }

  uint32_t emit_repeat(const Expression& e, uint32_t next) {
    const ExpressionId part = e.parts[0];
    const bool may_be_empty = facts_.may_be_empty[part];
    if (e.max == kUnbounded && (e.min <= 1 || may_be_empty)) {
      const uint32_t loop = split(kReturn, next);
      const uint32_t body = emit(part, loop);
      program_[loop].next = body;
      return e.min == 0 || may_be_empty ? loop : body;
    }
    if (e.min == 0 && e.max == 1) return split(emit(part, next), next);
    if (may_be_empty) {
      // Rounds that match nothing cannot be counted; copies cost their instructions.
      uint32_t entry = next;
      for (uint32_t i = 0; i < e.max && !too_large_; ++i) entry = split(emit(part, entry), next);
      return entry;
    }
    const uint32_t body = emit(part, kReturn);
    return add({.op = Op::kRepeat, .next = next, .other = body, .min = e.min, .max = e.max});
  }

  // Any of the alternatives; kNowhere is an alternative that is not there.
  static constexpr uint32_t kNowhere = kUnbounded;
  uint32_t either(uint32_t a, uint32_t b) { return a == kNowhere ? b : split(a, b); }

  uint32_t emit_class(const CodePointSet& set, uint32_t next) {
    static constexpr uint32_t kLengthEnds[] = {0x7F, 0x7FF, 0xFFFF, kMaxCodePoint};
    uint32_t entry = kNowhere;
    for (const CodePointRange& range : set) {
      uint32_t first = range.first;
      for (const uint32_t end : kLengthEnds) {
        if (first > end || first > range.last) continue;
        const uint32_t last = std::min(range.last, end);
        entry = either(entry, emit_characters(first, last, next));
        first = last + 1;
      }
    }
    return entry == kNowhere ? kReturn : entry;  // empty classes have no finite text and are never compiled
  }

  // Characters of one UTF-8 length: byte sequences in which every byte has a range of its own.
  uint32_t emit_characters(uint32_t first, uint32_t last, uint32_t next) {
    // Cuts the range until all bytes after the first that differs run from 80 to BF.
    for (int i = 1; i < 4; ++i) {
      const uint32_t mask = (uint32_t{1} << (6 * i)) - 1;
      if (last <= 0x7F || (first & ~mask) == (last & ~mask)) break;
      if ((first & mask) != 0) {
        const uint32_t middle = first | mask;
        return split(emit_characters(first, middle, next), emit_characters(middle + 1, last, next));
      }
      if ((last & mask) != mask) {
        const uint32_t middle = (last & ~mask) - 1;
        return split(emit_characters(first, middle, next), emit_characters(middle + 1, last, next));
      }
    }
    std::string low, high;
    append_utf8(first, low);
    append_utf8(last, high);
    for (size_t i = low.size(); i-- > 0;) {
      next = byte(static_cast<uint8_t>(low[i]), static_cast<uint8_t>(high[i]), next);
    }
    return next;
  }

  const Rules& rules_;
  const RuleFacts& facts_;
  std::vector<Instruction> program_;
  std::vector<std::optional<uint32_t>> entries_;  // by rule
  std::vector<RuleId> waiting_;
  bool too_large_ = false;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::compile(const Rules& rules, RuleId root) {
  HEARTH_CHECK_OK(rules.status());
  HEARTH_TRY(const RuleFacts facts, check_rules(rules, root));
  Compiler compiler(rules, facts);
  std::shared_ptr<Grammar> grammar(new Grammar());
  HEARTH_TRY(grammar->entry_, compiler.run(root));
  grammar->program_ = compiler.take_program();
  grammar->tokens_ = rules.tokens();
  grammar->find_byte_classes();
  return std::shared_ptr<const Grammar>(std::move(grammar));
}

void Grammar::find_byte_classes() {
  std::bitset<257> begins;
  for (const Instruction& instruction : program_) {
    if (instruction.op != Op::kByte) continue;
    begins.set(instruction.first);
    begins.set(size_t{instruction.last} + 1);
  }
  uint8_t current = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && begins[byte]) ++current;
    byte_classes_[byte] = current;
  }
  n_byte_classes_ = size_t{current} + 1;
}

}  // namespace hearth::text::grammar
