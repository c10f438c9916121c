// The definition of what a grammar matches, for tests: follows a Grammar's program byte by byte with whole
// copies of every stack, and remembers nothing. The fast matcher must agree with it.
#pragma once

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "text/grammar/grammar.h"
#include "text/grammar/token_trie.h"

namespace hearth::text::grammar::testing {

class SlowMatcher {
 public:
  explicit SlowMatcher(const Grammar& grammar) : grammar_(&grammar) {
    add({grammar.entry(), {}}, threads_, complete_);
  }

  bool alive() const { return complete_ || !threads_.empty(); }
  bool complete() const { return complete_; }

  void push(std::string_view bytes) {
    for (const char c : bytes) {
      const auto byte = static_cast<uint8_t>(c);
      Threads after;
      bool complete = false;
      for (const auto& [at, stack] : threads_) {
        const Instruction& in = grammar_->program()[at];
        if (in.first <= byte && byte <= in.last) add({in.next, stack}, after, complete);
      }
      threads_ = std::move(after);
      complete_ = complete;
    }
  }

  bool allows(const TokenVocabulary& vocabulary, TokenId token) const {
    if (vocabulary.is_end(token) && complete_) return true;
    const auto survives = [&](std::string_view bytes) {
      SlowMatcher copy = *this;
      copy.push(bytes);
      return copy.alive();
    };
    const std::string_view bytes = vocabulary.bytes_of(token);
    if (bytes.empty()) return false;
    return survives(bytes) ||
           (vocabulary.is_special(token) && survives(fmt::format("{0}[{1}]{0}", kTokenMark, token)));
  }

 private:
  using Stack = std::vector<std::pair<uint32_t, uint32_t>>;  // instruction, rounds begun
  using Thread = std::pair<uint32_t, Stack>;
  using Threads = std::set<Thread>;

  // Everything reachable without a byte.
  void add(Thread start, Threads& out, bool& complete) const {
    Threads seen;
    std::vector<Thread> todo = {std::move(start)};
    while (!todo.empty()) {
      Thread thread = std::move(todo.back());
      todo.pop_back();
      if (!seen.insert(thread).second) continue;
      auto& [at, stack] = thread;
      const Instruction& in = grammar_->program()[at];
      switch (in.op) {
        case Instruction::Op::kByte:
          out.insert(thread);
          break;
        case Instruction::Op::kSplit:
          todo.push_back({in.next, stack});
          todo.push_back({in.other, stack});
          break;
        case Instruction::Op::kCall:
          stack.push_back({in.next, 0});
          todo.push_back({in.other, stack});
          break;
        case Instruction::Op::kRepeat:
          if (in.min == 0) todo.push_back({in.next, stack});
          stack.push_back({at, 1});
          todo.push_back({in.other, stack});
          break;
        case Instruction::Op::kReturn: {
          if (stack.empty()) {
            complete = true;
            break;
          }
          const auto [to, count] = stack.back();
          stack.pop_back();
          const Instruction& repeat = grammar_->program()[to];
          if (count == 0) {
            todo.push_back({to, stack});
            break;
          }
          if (count >= repeat.min) todo.push_back({repeat.next, stack});
          if (count < repeat.max) {
            stack.push_back({to, count + 1});
            todo.push_back({repeat.other, stack});
          }
          break;
        }
      }
    }
  }

  const Grammar* grammar_;
  Threads threads_;
  bool complete_ = false;
};

}  // namespace hearth::text::grammar::testing
