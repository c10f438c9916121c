#include "serving/output_constraint.h"

#include <algorithm>

#include "text/grammar/json_schema.h"

namespace hearth::serving {
namespace {

void set_bit(std::vector<uint64_t>& mask, text::TokenId id, bool value) {
  const auto index = static_cast<size_t>(id);
  if (index / 64 >= mask.size()) return;
  const uint64_t bit = uint64_t{1} << (index % 64);
  mask[index / 64] = value ? mask[index / 64] | bit : mask[index / 64] & ~bit;
}

struct ReasoningMarks {
  std::string_view begin, end;
};
constexpr ReasoningMarks kReasoning[] = {{"<think>", "</think>"}, {"<|channel>", "<channel|>"}};

// Judges by the prompt itself: text from outside never holds the marks as tokens.
ReasoningGate gate_by_tokens(text::TokenId begin, text::TokenId end, std::span<const text::TokenId> prompt,
                             bool wanted) {
  const auto last = std::find_if(prompt.rbegin(), prompt.rend(),
                                 [&](text::TokenId id) { return id == begin || id == end; });
  const bool open = last != prompt.rend() && *last == begin;
  // A template that keeps the model from reasoning ends with an empty one.
  constexpr ptrdiff_t kNear = 4;
  const bool closed = last != prompt.rend() && !open && last - prompt.rbegin() < kNear;
  return {.open = open, .may_open = wanted && !closed, .begin = begin, .end = end, .end_text = {}};
}

ReasoningGate reasoning_gate(const GenerationRequest& request, const text::Tokenizer& tokenizer,
                             std::span<const text::TokenId> prompt) {
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  if (chat == nullptr) return {};
  for (const ReasoningMarks& marks : kReasoning) {
    const auto begin = tokenizer.find(marks.begin), end = tokenizer.find(marks.end);
    if (begin && end) return gate_by_tokens(*begin, *end, prompt, chat->thinking.value_or(true));
  }
  // Marks that are text: a prompt that ends with the first of them.
  constexpr size_t kTail = 16;
  std::string tail = tokenizer.decode(prompt.last(std::min(prompt.size(), kTail)), true);
  tail.erase(tail.find_last_not_of(" \r\n\t") + 1);
  for (const ReasoningMarks& marks : kReasoning) {
    if (tail.ends_with(marks.begin)) {
      return {.open = true, .may_open = false, .begin = {}, .end = {}, .end_text = std::string(marks.end)};
    }
  }
  return {};
}

}  // namespace

OutputConstraint::OutputConstraint(std::shared_ptr<text::grammar::TokenGrammar> grammar, ReasoningGate gate)
    : grammar_(std::move(grammar)),
      matcher_(grammar_),
      gate_(std::move(gate)),
      phase_(gate_.open                      ? Phase::kReasoning
             : gate_.may_open && gate_.begin ? Phase::kStart
                                             : Phase::kAnswer) {}

Result<std::optional<std::span<const uint64_t>>> OutputConstraint::allowed() {
  const text::grammar::TokenVocabulary& vocabulary = grammar_->vocabulary();
  if (phase_ == Phase::kReasoning) {
    mask_.assign(vocabulary.n_words(), ~uint64_t{0});
    for (const text::TokenId id : vocabulary.end_of_generation()) set_bit(mask_, id, false);
    return mask_;
  }
  HEARTH_TRY(const std::span<const uint64_t> mask, matcher_.allowed());
  if (phase_ == Phase::kAnswer) return mask;
  mask_.assign(mask.begin(), mask.end());
  set_bit(mask_, *gate_.begin, true);
  return mask_;
}

Status OutputConstraint::accept(int32_t token) {
  if (phase_ == Phase::kReasoning) return accept_reasoning(token);
  if (phase_ == Phase::kStart) {
    phase_ = token == gate_.begin ? Phase::kReasoning : Phase::kAnswer;
    if (phase_ == Phase::kReasoning) return {};
  }
  return matcher_.accept(token);
}

Status OutputConstraint::accept_reasoning(int32_t token) {
  if (gate_.end) {
    if (token == gate_.end) phase_ = Phase::kAnswer;
    return {};
  }
  tail_ += grammar_->vocabulary().bytes_of(token);
  const size_t at = tail_.find(gate_.end_text);
  if (at == std::string::npos) {
    tail_.erase(0, tail_.size() - std::min(tail_.size(), gate_.end_text.size()));
    return {};
  }
  phase_ = Phase::kAnswer;
  // The token that ends the reasoning may hold the beginning of the answer, after line breaks.
  std::string_view rest = std::string_view(tail_).substr(at + gate_.end_text.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \r\n\t"), rest.size()));
  return matcher_.accept_text(rest);
}

Result<std::shared_ptr<engine::TokenConstraint>> constraint_for(const GenerationRequest& request,
                                                                const text::Tokenizer& tokenizer,
                                                                std::span<const text::TokenId> prompt,
                                                                GrammarCache& grammars) {
  using text::grammar::Grammar;
  std::shared_ptr<text::grammar::TokenGrammar> grammar;
  if (const auto* schema = std::get_if<JsonSchemaFormat>(&request.format)) {
    HEARTH_TRY(grammar, grammars.get("schema " + schema->schema,
                                     [&] { return text::grammar::json_schema_grammar(schema->schema); }));
  } else if (const auto* gbnf = std::get_if<GbnfFormat>(&request.format)) {
    HEARTH_TRY(grammar,
               grammars.get("gbnf " + gbnf->grammar, [&] { return Grammar::from_gbnf(gbnf->grammar); }));
  } else if (std::holds_alternative<JsonObjectFormat>(request.format)) {
    HEARTH_TRY(grammar, grammars.get("object", [] { return text::grammar::json_object_grammar(); }));
  } else {
    return nullptr;
  }
  return std::make_shared<OutputConstraint>(std::move(grammar), reasoning_gate(request, tokenizer, prompt));
}

}  // namespace hearth::serving
