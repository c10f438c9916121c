// Holds the tokens of one answer to a grammar, from the end of the reasoning on.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/token_constraint.h"
#include "serving/generation_request.h"
#include "serving/grammar_cache.h"
#include "text/grammar/grammar_matcher.h"

namespace hearth::serving {

// What encloses the reasoning of an answer, and whether it has begun.
struct ReasoningGate {
  bool open = false;      // the prompt ends inside the reasoning
  bool may_open = false;  // the answer may begin with `begin`
  std::optional<text::TokenId> begin;
  std::optional<text::TokenId> end;  // where there is no such token, end_text is looked for
  std::string end_text;
};

class OutputConstraint : public engine::TokenConstraint {
 public:
  OutputConstraint(std::shared_ptr<text::grammar::TokenGrammar> grammar, ReasoningGate gate);

  // Inside the reasoning any token but one that ends the answer: it has not begun yet.
  Result<std::optional<std::span<const uint64_t>>> allowed() override;
  Status accept(int32_t token) override;

 private:
  enum class Phase { kStart, kReasoning, kAnswer };

  Status accept_reasoning(int32_t token);

  std::shared_ptr<text::grammar::TokenGrammar> grammar_;
  text::grammar::GrammarMatcher matcher_;
  ReasoningGate gate_;
  Phase phase_;
  std::string tail_;            // of the reasoning, where the end may have begun
  std::vector<uint64_t> mask_;  // what allowed() wrote, if not the matcher's own
};

// The constraint that a request asks for; nullptr when it asks for none. `prompt` is what the model will
// read. kInvalidArgument: a grammar or schema that is wrong, or not supported, with the place at fault.
Result<std::shared_ptr<engine::TokenConstraint>> constraint_for(const GenerationRequest& request,
                                                                const text::Tokenizer& tokenizer,
                                                                std::span<const text::TokenId> prompt,
                                                                GrammarCache& grammars);

}  // namespace hearth::serving
