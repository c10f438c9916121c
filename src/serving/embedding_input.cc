#include "serving/embedding_input.h"

#include <array>

namespace hearth::serving {
namespace {

// Fills the places {query} and {document}; what goes there is not trusted with control tokens.
text::PromptText fill_in(std::string_view form, const std::string& query, const std::string& document) {
  const std::array<std::pair<std::string_view, const std::string*>, 2> places = {
      {{"{query}", &query}, {"{document}", &document}}};
  text::PromptText filled;
  while (!form.empty()) {
    size_t at = form.size();
    const std::pair<std::string_view, const std::string*>* next = nullptr;
    for (const auto& place : places) {
      if (const size_t found = form.find(place.first); found < at) at = found, next = &place;
    }
    filled.text += form.substr(0, at);
    if (next == nullptr) break;
    const size_t begin = filled.text.size();
    filled.text += *next->second;
    if (filled.text.size() > begin) filled.untrusted.push_back({begin, filled.text.size()});
    form.remove_prefix(at + next->first.size());
  }
  return filled;
}

}  // namespace

engine::EmbedText embedding_input(const TextModel& words, const std::string& text) {
  return {words.tokenizer().encode(text, {.add_special = true})};
}

int64_t cut_to(size_t max_tokens, const text::Tokenizer& tokenizer, engine::EmbedText& input) {
  if (input.tokens.size() <= max_tokens) return 0;
  const auto n_dropped = static_cast<int64_t>(input.tokens.size() - max_tokens);
  const text::TokenId last = input.tokens.back();
  input.tokens.resize(max_tokens);
  if (tokenizer.is_control(last) && max_tokens > 0) input.tokens.back() = last;
  return n_dropped;
}

engine::EmbedText ranking_input(const TextModel& words, const std::string& query,
                                const std::string& document) {
  if (!words.rerank_form().empty()) {
    return {words.encode_rendered(fill_in(words.rerank_form(), query, document))};
  }
  const text::Tokenizer& tokenizer = words.tokenizer();
  engine::EmbedText input{tokenizer.encode(query, {.add_special = true})};
  input.second_segment = input.tokens.size();
  std::vector<text::TokenId> second = tokenizer.encode(document, {.add_special = true});
  // One [CLS] in front of both.
  const bool opens = tokenizer.adds_bos() && !second.empty() && tokenizer.is_control(second.front());
  input.tokens.insert(input.tokens.end(), second.begin() + (opens ? 1 : 0), second.end());
  return input;
}

}  // namespace hearth::serving
