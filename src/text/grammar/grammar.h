// A compiled grammar: which byte strings a model may answer with.
//
// Immutable; shared between threads and sequences. It is a program for a pushdown automaton over bytes:
// characters are compiled down to their UTF-8 bytes, rules are calls, counted repeats keep their count on the
// stack, so that {0,1000000} is one instruction. Special tokens of a vocabulary are letters of the alphabet
// too (kTokenMark).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/rules.h"

namespace hearth::text::grammar {

struct Instruction {
  enum class Op : uint8_t {
    kByte,    // first…last, then next
    kSplit,   // next and other
    kCall,    // other until it returns, then next
    kRepeat,  // other, min to max times, then next
    kReturn,
  };
  Op op = Op::kReturn;
  uint8_t first = 0, last = 0;
  uint32_t next = 0, other = 0;
  uint32_t min = 0, max = 0;
};

class Grammar {
 public:
  // GBNF as llama.cpp has it: `root` is the start; rules, literals, classes, groups, | * + ? {m,n}, comments,
  // \x \u \U escapes, special tokens as <name> or <[id]>. kInvalidArgument says what and on which line.
  static Result<std::shared_ptr<const Grammar>> from_gbnf(std::string_view source,
                                                          const GrammarLimits& limits = {});

  // The rules as they stand. kInvalidArgument names a rule that is undefined, that calls itself before any
  // byte (left recursion) or that no finite text matches, and the limit that was passed.
  static Result<std::shared_ptr<const Grammar>> compile(const Rules& rules, RuleId root);

  const std::vector<Instruction>& program() const { return program_; }
  uint32_t entry() const { return entry_; }

  // Bytes that no instruction tells apart share a class.
  uint8_t byte_class(uint8_t byte) const { return byte_classes_[byte]; }
  size_t n_byte_classes() const { return n_byte_classes_; }

  // Spellings of the special tokens it names.
  const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  Grammar() = default;
  void find_byte_classes();

  std::vector<Instruction> program_;
  uint32_t entry_ = 0;
  std::array<uint8_t, 256> byte_classes_{};
  size_t n_byte_classes_ = 0;
  std::vector<std::string> tokens_;
};

}  // namespace hearth::text::grammar
