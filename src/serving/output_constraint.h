// Holds the tokens of one answer to what the request asks for: a format, calls of tools, a length of
// reasoning.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/token_constraint.h"
#include "serving/generation_request.h"
#include "serving/grammar_cache.h"
#include "text/grammar/grammar_matcher.h"
#include "text/output/output_syntax.h"

namespace hearth::serving {

// What encloses the reasoning of an answer, and whether it has begun.
struct ReasoningGate {
  bool open = false;      // the prompt ends inside the reasoning
  bool may_open = false;  // the answer may begin with `begin`
  std::optional<text::TokenId> begin;
  std::string header;                // what stands between `begin` and the reasoning
  std::optional<text::TokenId> end;  // where there is no such token, end_text is looked for
  std::string end_text;
  std::optional<int64_t> budget;  // tokens of reasoning; then it has to end
};

// The reasoning is free, but for its header and its length, and the grammar holds from its end on.
class OutputConstraint : public engine::TokenConstraint {
 public:
  using Grammar = std::shared_ptr<text::grammar::TokenGrammar>;

  // At least one of `answer` and `end` is there.
  struct Grammars {
    Grammar answer;  // nullptr leaves the answer free
    Grammar header;  // matches gate.header alone; nullptr where that is empty
    Grammar end;     // matches gate.end_text alone; needed where there is a budget and no token for it
  };
  OutputConstraint(Grammars grammars, ReasoningGate gate);

  // With a grammar for the answer, no token inside the reasoning may end it: the answer has not begun yet.
  Result<std::optional<std::span<const uint64_t>>> allowed() override;
  Status accept(int32_t token) override;

 private:
  enum class Phase { kStart, kHeader, kReasoning, kClosing, kAnswer };

  const text::grammar::TokenVocabulary& vocabulary() const;
  Status accept_reasoning(int32_t token);
  Status answer_with(std::string_view text);
  bool over_budget() const { return gate_.budget && n_reasoning_ >= *gate_.budget; }

  Grammar grammar_;
  std::optional<text::grammar::GrammarMatcher> answer_, header_, closing_;
  ReasoningGate gate_;
  Phase phase_;
  int64_t n_reasoning_ = 0;     // tokens
  std::string tail_;            // of the reasoning, where the end may have begun
  std::vector<uint64_t> mask_;  // what allowed() wrote, if not a matcher's own
};

// A request's prompt as the model reads it, and how this model writes its answers.
struct PromptedOutput {
  std::span<const text::TokenId> prompt;
  const text::OutputSyntax* syntax = nullptr;  // of chats
  bool starts_in_reasoning = false;
};

// The constraint that a request asks for; nullptr when it asks for none. Calls that are required come instead
// of the format; calls that are possible, beside it. kInvalidArgument: a grammar or schema that is wrong or
// not supported, with the place at fault; calls are required of a model that has no notation for them.
Result<std::shared_ptr<engine::TokenConstraint>> constraint_for(const GenerationRequest& request,
                                                                const PromptedOutput& output,
                                                                GrammarCache& grammars);

}  // namespace hearth::serving
