#include "serving/infill.h"

#include <initializer_list>
#include <string_view>

namespace hearth::serving {
namespace {

using text::TokenId;

struct GapTokens {
  std::optional<TokenId> prefix, suffix, middle, project, file, padding;
};

// What the file names, else one of the spellings of known families.
std::optional<TokenId> token(const text::Tokenizer& tokenizer, std::optional<TokenId> named,
                             std::initializer_list<std::string_view> spellings) {
  if (named) return named;
  for (const std::string_view spelling : spellings) {
    const auto id = tokenizer.find(spelling);
    if (!id) continue;
    // Files mark them as control or as user-defined tokens; ordinary text is no marker.
    const auto& types = tokenizer.spec().types;
    const auto type = types.empty() ? text::TokenType::kNormal
                                    : static_cast<text::TokenType>(types[static_cast<size_t>(*id)]);
    if (type == text::TokenType::kControl || type == text::TokenType::kUserDefined) return id;
  }
  return std::nullopt;
}

GapTokens gap_tokens(const text::Tokenizer& tokenizer) {
  const text::VocabularySpec& spec = tokenizer.spec();
  // In this order: Qwen, StarCoder in two spellings, DeepSeek, Code Llama, GLM.
  return {
      .prefix = token(
          tokenizer, spec.fim_prefix,
          {"<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<｜fim▁begin｜>", "▁<PRE>", "<|code_prefix|>"}),
      .suffix = token(
          tokenizer, spec.fim_suffix,
          {"<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<｜fim▁hole｜>", "▁<SUF>", "<|code_suffix|>"}),
      .middle = token(
          tokenizer, spec.fim_middle,
          {"<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<｜fim▁end｜>", "▁<MID>", "<|code_middle|>"}),
      .project =
          token(tokenizer, spec.fim_project, {"<|repo_name|>", "<|fim_repo|>", "<reponame>", "<repo_name>"}),
      .file = token(tokenizer, spec.fim_file, {"<|file_sep|>", "<file_sep>"}),
      .padding = token(tokenizer, spec.fim_padding, {"<|fim_pad|>", "<fim_pad>", "<fim-pad>"}),
  };
}

class Prompt {
 public:
  explicit Prompt(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    if (const auto bos = tokenizer.bos(); bos && tokenizer.adds_bos()) ids_.push_back(*bos);
  }
  void add(TokenId id) { ids_.push_back(id); }
  void add(std::string_view words) {
    if (words.empty()) return;
    // Marked as from outside: what is spelled like a marker stays text.
    const std::vector<TokenId> ids =
        tokenizer_.encode(text::PromptText{std::string(words), {{0, words.size()}}});
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  std::vector<TokenId> take() && { return std::move(ids_); }

 private:
  const text::Tokenizer& tokenizer_;
  std::vector<TokenId> ids_;
};

}  // namespace

Result<InfillTokens> encode_infill(const text::Tokenizer& tokenizer, const InfillPrompt& gap) {
  const GapTokens tokens = gap_tokens(tokenizer);
  if (!tokens.prefix || !tokens.suffix || !tokens.middle) {
    return fail(
        ErrorCategory::kUnsupported,
        "this model's vocabulary has no tokens for filling in the middle, so it cannot take a suffix");
  }
  Prompt prompt(tokenizer);
  const bool by_file = tokens.project && tokens.file && !gap.files.empty();
  if (by_file) {
    prompt.add(*tokens.project);
    prompt.add("project\n");
  }
  for (const InfillPrompt::File& file : gap.files) {
    if (by_file) {
      prompt.add(*tokens.file);
      prompt.add(file.name + "\n");
    }
    prompt.add(file.text + "\n");
  }
  if (by_file) {
    prompt.add(*tokens.file);
    prompt.add("filename\n");
  }
  prompt.add(*tokens.prefix);
  prompt.add(gap.prefix);
  prompt.add(*tokens.suffix);
  prompt.add(gap.suffix);
  prompt.add(*tokens.middle);
  prompt.add(gap.beginning);

  InfillTokens result{std::move(prompt).take(), {}};
  for (const auto& end :
       {tokens.prefix, tokens.suffix, tokens.middle, tokens.project, tokens.file, tokens.padding}) {
    if (end) result.ends.push_back(*end);
  }
  return result;
}

}  // namespace hearth::serving
