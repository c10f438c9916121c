#include "synth/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "synth/chat_templates.h"

namespace hearth::synth {

using namespace catalogue;
namespace {

// token_type values of the format.
constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUnused = 5, kByte = 6;

constexpr std::string_view kSpace =
    "\u2581";  // how SentencePiece and WordPiece files write a word's beginning

// In rank order; "_" stands for a word's beginning. Every piece is two earlier ones put together.
constexpr std::string_view kMerges =
    "_t he _a in _s er on re _w nd _the at ed _o ou _c or an is _b it ing _to en _f _p es _and ar _in _h al "
    "_m ll _of "
    "_d le ic om _be ro st _th ve as ion id _I ent ly _g _l _re _is _for _y _you _n ot us ut ur ch et ow "
    "_that ay _e il "
    "_it im ig ct _on _not ad ld _wh ra _was _ha _have _do _st _an se ke ation ver am _A _T _S _The ce ith "
    "oo ter ti ri "
    "ol em el _he _we _are _this _or _by _as _at _can _all _no _so _out _one _what _when _how _your _they "
    "_there _her "
    "_his ould ess ment ence ate end all own ort res com con pro per est ist int ever _day _only if _if _wi "
    "_with _u "
    "_up _us _mo _k _kn _know _wor _work";

struct Tokens {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> types;
  std::set<std::string, std::less<>> seen;

  void add(std::string text, int32_t type, float score) {
    if (!seen.insert(text).second) return;
    texts.push_back(std::move(text));
    scores.push_back(score);
    types.push_back(type);
  }
  // For pieces that text may become: the earlier, the better.
  void add_piece(std::string text) { add(std::move(text), kNormal, -static_cast<float>(texts.size())); }
};

// The n-th pronounceable word: "bababa", "bababe", ...
std::string made_up_word(uint32_t n) {
  constexpr std::string_view kConsonants = "bcdfghjklmnprstvz";
  constexpr std::string_view kVowels = "aeiou";
  const auto n_syllables = static_cast<uint32_t>(kConsonants.size() * kVowels.size());
  std::string word;
  for (int i = 0; i < 3; ++i, n /= n_syllables) {
    const uint32_t syllable = n % n_syllables;
    const char text[] = {kConsonants[syllable / kVowels.size()], kVowels[syllable % kVowels.size()]};
    word.insert(0, text, 2);
  }
  return word;
}

void fill_with_words(Tokens& tokens, uint32_t size) {
  for (uint32_t n = 0; tokens.texts.size() < size; ++n)
    tokens.add_piece(std::string(kSpace) + made_up_word(n));
}

Tokens sentence_pieces(uint32_t size) {
  Tokens tokens;
  tokens.add("<unk>", kUnknown, 0);
  tokens.add("<s>", kControl, 0);
  tokens.add("</s>", kControl, 0);
  for (int byte = 0; byte < 256; ++byte) tokens.add(fmt::format("<0x{:02X}>", byte), kByte, 0);
  for (std::string_view merge : made_up_merges()) {
    tokens.add_piece(merge.starts_with('_') ? std::string(kSpace).append(merge.substr(1))
                                            : std::string(merge));
  }
  tokens.add_piece(std::string(kSpace));
  for (char c = '!'; c <= '~'; ++c) tokens.add_piece(std::string(1, c));
  fill_with_words(tokens, size);
  return tokens;
}

Tokens word_pieces(uint32_t size) {
  Tokens tokens;
  tokens.add("[PAD]", kControl, 0);
  tokens.add("[UNK]", kUnknown, 0);
  tokens.add("[CLS]", kControl, 0);
  tokens.add("[SEP]", kControl, 0);
  tokens.add("[MASK]", kControl, 0);
  const auto add_both = [&](std::string_view text) {
    tokens.add_piece(std::string(kSpace).append(text));
    tokens.add_piece(std::string(text));
  };
  for (char c = '!'; c <= '~'; ++c) {
    if (c < 'A' || c > 'Z') add_both(std::string_view(&c, 1));
  }
  for (std::string_view merge : made_up_merges()) {
    const bool capital = std::any_of(merge.begin(), merge.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (capital) continue;
    tokens.add_piece(merge.starts_with('_') ? std::string(kSpace).append(merge.substr(1))
                                            : std::string(merge));
  }
  fill_with_words(tokens, size);
  return tokens;
}

void write_tokens(gguf::GgufWriter& writer, std::string_view model, const Tokens& tokens) {
  const std::vector<std::string_view> texts(tokens.texts.begin(), tokens.texts.end());
  writer.add_string("tokenizer.ggml.model", model);
  writer.add_string_array("tokenizer.ggml.tokens", texts);
  writer.add_float_array("tokenizer.ggml.scores", tokens.scores);
  writer.add_int_array("tokenizer.ggml.token_type", tokens.types);
}

// The items of a source array and `size - count` more.
template <typename T>
std::vector<T> padded(std::vector<T> items, uint32_t size, T padding) {
  items.resize(size, padding);
  return items;
}

// The token arrays of a vocabulary with fewer tokens than the model has rows.
Status write_padded(gguf::GgufWriter& writer, const gguf::Metadata& source, uint32_t size) {
  HEARTH_TRY(const auto texts, source.get_string_array("tokenizer.ggml.tokens"));
  HEARTH_TRY(const auto scores, source.get_float_array("tokenizer.ggml.scores"));
  HEARTH_TRY(const auto stored_types, source.get_int_array("tokenizer.ggml.token_type"));
  std::vector<std::string> unused;
  for (size_t n = 0; texts->size() + n < size; ++n) unused.push_back(fmt::format("[UNUSED_{}]", n));
  std::vector<std::string_view> all(texts->begin(), texts->end());
  all.insert(all.end(), unused.begin(), unused.end());
  writer.add_string_array("tokenizer.ggml.tokens", all);

  std::vector<int32_t> types(texts->size(), kNormal);
  if (stored_types) types.assign(stored_types->begin(), stored_types->end());
  writer.add_int_array("tokenizer.ggml.token_type", padded(std::move(types), size, kUnused));
  if (scores) writer.add_float_array("tokenizer.ggml.scores", padded(*scores, size, -1000.0f));
  return {};
}

bool is_token_array(std::string_view key) {
  return key == "tokenizer.ggml.tokens" || key == "tokenizer.ggml.scores" ||
         key == "tokenizer.ggml.token_type";
}

}  // namespace

std::vector<std::string_view> made_up_merges() {
  std::vector<std::string_view> merges;
  for (std::string_view rest = kMerges; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    merges.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return merges;
}

void add_made_up_vocabulary(gguf::GgufWriter& writer, const ModelSpec& spec) {
  if (spec.architecture == Architecture::kBert || spec.architecture == Architecture::kNomicBert) {
    write_tokens(writer, "bert", word_pieces(spec.vocab));
    writer.add_uint32("tokenizer.ggml.token_type_count", 2);
    writer.add_uint32("tokenizer.ggml.padding_token_id", 0);
    writer.add_uint32("tokenizer.ggml.unknown_token_id", 1);
    writer.add_uint32("tokenizer.ggml.bos_token_id", 2);
    writer.add_uint32("tokenizer.ggml.cls_token_id", 2);
    writer.add_uint32("tokenizer.ggml.eos_token_id", 3);
    writer.add_uint32("tokenizer.ggml.seperator_token_id", 3);
    writer.add_uint32("tokenizer.ggml.mask_token_id", 4);
    return;
  }
  write_tokens(writer, "llama", sentence_pieces(spec.vocab));
  writer.add_uint32("tokenizer.ggml.bos_token_id", 1);
  writer.add_uint32("tokenizer.ggml.eos_token_id", 2);
  writer.add_uint32("tokenizer.ggml.unknown_token_id", 0);
  writer.add_bool("tokenizer.ggml.add_bos_token", true);
  if (spec.architecture == Architecture::kGemmaEmbedding)
    writer.add_bool("tokenizer.ggml.add_eos_token", true);
  const bool gemma =
      spec.architecture == Architecture::kGemma4 || spec.architecture == Architecture::kGemmaEmbedding;
  writer.add_bool("tokenizer.ggml.add_space_prefix", !gemma);
  if (spec.generates()) writer.add_string("tokenizer.chat_template", chat_template_of(spec));
}

Result<uint32_t> vocabulary_size(const gguf::Metadata& source) {
  HEARTH_TRY(const auto texts, source.get_string_array("tokenizer.ggml.tokens"));
  if (!texts || texts->empty()) return fail(ErrorCategory::kInvalidArgument, "the file has no vocabulary");
  return static_cast<uint32_t>(texts->size());
}

Status add_copied_vocabulary(gguf::GgufWriter& writer, const gguf::Metadata& source, const ModelSpec& spec) {
  HEARTH_TRY(const uint32_t size, vocabulary_size(source));
  const bool pad = size < spec.vocab;
  for (const gguf::MetadataEntry& entry : source.entries()) {
    if (entry.key.starts_with("tokenizer.") && !(pad && is_token_array(entry.key))) writer.copy(entry);
  }
  if (pad) HEARTH_CHECK_OK(write_padded(writer, source, spec.vocab));
  if (!spec.generates()) return {};
  if (source.find("tokenizer.chat_template") == nullptr) {
    writer.add_string("tokenizer.chat_template", chat_template_of(spec));
  }
  if (source.find("tokenizer.ggml.eot_token_id") == nullptr) {
    HEARTH_TRY(const auto texts, source.get_string_array("tokenizer.ggml.tokens"));
    const auto at = std::find(texts->begin(), texts->end(), end_of_turn_of(spec));
    if (at != texts->end()) {
      writer.add_uint32("tokenizer.ggml.eot_token_id", static_cast<uint32_t>(at - texts->begin()));
    }
  }
  return {};
}

}  // namespace hearth::synth
