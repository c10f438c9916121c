#include "text/tokenizer.h"

#include <algorithm>

#include "text/special_matcher.h"
#include "text/token_model.h"

namespace hearth::text {
namespace {

struct Family {
  std::string_view model;
  Result<std::unique_ptr<TokenModel>> (*make)(const Vocabulary& vocabulary);
};

constexpr Family kFamilies[] = {
    {"gemma4", make_gemma_bpe},
    {"gpt2", make_byte_level_bpe},
    {"llama", make_sentence_piece},
    {"bert", make_word_piece},
};

// Symbols are addressed with 32 bits.
constexpr size_t kMaxStretchBytes = size_t{1} << 28;

bool is_well_formed(std::span<const ByteRange> ranges) {
  size_t at = 0;
  for (const ByteRange& range : ranges) {
    if (range.begin < at || range.end <= range.begin) return false;
    at = range.end;
  }
  return true;
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary v) : vocabulary(std::move(v)), specials(vocabulary) {}

  void encode(std::string_view text, const SpecialMatcher::Rules& rules, std::vector<TokenId>& out) const {
    EncodeScratch scratch(text.size());
    const auto encode_plain = [&](std::string_view stretch) {
      while (!stretch.empty()) {
        model->encode(stretch.substr(0, kMaxStretchBytes), scratch, out);
        stretch.remove_prefix(std::min(kMaxStretchBytes, stretch.size()));
      }
    };
    size_t begin = 0;
    while (const auto special = specials.find(text, begin, rules)) {
      encode_plain(text.substr(begin, special->begin - begin));
      out.push_back(special->id);
      begin = special->begin + special->length;
    }
    encode_plain(text.substr(begin));
  }

  bool is_bert() const { return vocabulary.spec().model == "bert"; }
  bool is_control(TokenId id) const {
    return vocabulary.type(id) == TokenType::kControl || vocabulary.type(id) == TokenType::kUnknown;
  }

  Vocabulary vocabulary;
  SpecialMatcher specials;
  std::unique_ptr<TokenModel> model;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(VocabularySpec spec) {
  const auto* family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                    [&](const Family& candidate) { return candidate.model == spec.model; });
  if (family == std::end(kFamilies)) {
    std::string known;
    for (const Family& candidate : kFamilies) known.append(known.empty() ? "" : ", ").append(candidate.model);
    return fail(ErrorCategory::kUnsupported, "the tokenizer model \"{}\" is unknown; known ones: {}",
                spec.model, known);
  }
  HEARTH_TRY(Vocabulary vocabulary, Vocabulary::create(std::move(spec)));
  // The model borrows the vocabulary, so that must have its final place first.
  auto impl = std::make_unique<Impl>(std::move(vocabulary));
  HEARTH_TRY(impl->model, family->make(impl->vocabulary));
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(impl)));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  const VocabularySpec& vocabulary = spec();
  std::vector<TokenId> out;
  out.reserve(text.size() / 4 + 2);
  if (options.add_special && adds_bos()) {
    if (const auto first = impl_->is_bert() && vocabulary.cls ? vocabulary.cls : vocabulary.bos)
      out.push_back(*first);
  }
  impl_->encode(text, {.control = options.parse_special, .untrusted = {}}, out);
  if (options.add_special) {
    if (vocabulary.add_eos.value_or(false) && vocabulary.eos) out.push_back(*vocabulary.eos);
    if (vocabulary.add_sep.value_or(impl_->is_bert()) && vocabulary.separator)
      out.push_back(*vocabulary.separator);
  }
  return out;
}

std::vector<TokenId> Tokenizer::encode(const PromptText& prompt) const {
  const ByteRange everything{0, prompt.text.size()};
  std::span<const ByteRange> untrusted = prompt.untrusted;
  // Ranges that cannot be searched protect nothing; then nothing is trusted.
  if (!is_well_formed(untrusted)) untrusted = {&everything, 1};
  std::vector<TokenId> out;
  out.reserve(prompt.text.size() / 4 + 2);
  impl_->encode(prompt.text, {.control = true, .untrusted = untrusted}, out);
  return out;
}

void Tokenizer::append(TokenId id, bool render_special, bool& at_start, std::string& out) const {
  const Vocabulary& vocabulary = impl_->vocabulary;
  if (!vocabulary.contains(id)) return;
  if (impl_->is_control(id)) {
    if (render_special) out.append(vocabulary.spelling(id));
    return;
  }
  const size_t begin = out.size();
  if (vocabulary.type(id) == TokenType::kByte) {
    out.push_back(static_cast<char>(vocabulary.byte_value(id)));
  } else if (vocabulary.type(id) != TokenType::kUnused || render_special) {
    impl_->model->append_text(id, out);
  }
  if (!at_start || out.size() == begin) return;
  at_start = false;
  if (out[begin] == ' ' && impl_->model->strips_leading_space()) out.erase(begin, 1);
}

std::string Tokenizer::piece(TokenId id, bool render_special) const {
  std::string out;
  bool at_start = false;
  append(id, render_special, at_start, out);
  return out;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool render_special) const {
  std::string out;
  bool at_start = true;
  for (const TokenId id : ids) append(id, render_special, at_start, out);
  return out;
}

size_t Tokenizer::vocab_size() const {
  return impl_->vocabulary.size();
}

bool Tokenizer::is_control(TokenId id) const {
  return impl_->vocabulary.contains(id) && impl_->is_control(id);
}

std::span<const TokenId> Tokenizer::end_of_generation() const {
  return impl_->vocabulary.end_of_generation();
}

std::optional<TokenId> Tokenizer::find(std::string_view token) const {
  const TokenId id = impl_->vocabulary.find(token);
  if (id == Vocabulary::kNoToken) return std::nullopt;
  return id;
}

std::optional<TokenId> Tokenizer::bos() const {
  return spec().bos;
}
std::optional<TokenId> Tokenizer::eos() const {
  return spec().eos;
}
bool Tokenizer::adds_bos() const {
  return impl_->model->adds_bos();
}
const VocabularySpec& Tokenizer::spec() const {
  return impl_->vocabulary.spec();
}

}  // namespace hearth::text
