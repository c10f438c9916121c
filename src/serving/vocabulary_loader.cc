#include "serving/vocabulary_loader.h"

#include <limits>

namespace hearth::serving {
namespace {

Status read_string(const gguf::Metadata& metadata, std::string_view key, std::string_view& out) {
  HEARTH_TRY(const auto value, metadata.get_string(key));
  if (value) out = *value;
  return {};
}

Status read_bool(const gguf::Metadata& metadata, std::string_view key, std::optional<bool>& out) {
  HEARTH_TRY(out, metadata.get_bool(key));
  return {};
}

// Leaves `out` alone where the key is absent.
Status read_id(const gguf::Metadata& metadata, std::string_view key, std::optional<text::TokenId>& out) {
  // Files mark "none" as -1, in a signed or an unsigned field.
  const gguf::MetadataEntry* entry = metadata.find(key);
  if (entry == nullptr) return {};
  if (const auto* number = std::get_if<int64_t>(&entry->value); number != nullptr && *number == -1) return {};
  HEARTH_TRY(const auto value, metadata.get_uint(key));
  if (!value || *value == std::numeric_limits<uint32_t>::max()) return {};
  if (*value > static_cast<uint64_t>(std::numeric_limits<text::TokenId>::max())) {
    return fail(ErrorCategory::kCorrupt, "{}: {} is not a token id", key, *value);
  }
  out = static_cast<text::TokenId>(*value);
  return {};
}

}  // namespace

Result<text::VocabularySpec> read_vocabulary(const gguf::ModelFile& file) {
  const gguf::Metadata& metadata = file.metadata();
  text::VocabularySpec spec;

  HEARTH_CHECK_OK(read_string(metadata, "tokenizer.ggml.model", spec.model));
  if (spec.model.empty())
    return fail(ErrorCategory::kCorrupt, "the file names no tokenizer (tokenizer.ggml.model)");
  HEARTH_CHECK_OK(read_string(metadata, "tokenizer.ggml.pre", spec.pre));

  HEARTH_TRY(const auto tokens, metadata.get_string_array("tokenizer.ggml.tokens"));
  if (!tokens) return fail(ErrorCategory::kCorrupt, "the file has no vocabulary (tokenizer.ggml.tokens)");
  spec.tokens = *tokens;
  HEARTH_TRY(const auto merges, metadata.get_string_array("tokenizer.ggml.merges"));
  if (merges) spec.merges = *merges;
  HEARTH_TRY(auto scores, metadata.get_float_array("tokenizer.ggml.scores"));
  if (scores) spec.scores = std::move(*scores);
  HEARTH_TRY(auto types, metadata.get_int_array("tokenizer.ggml.token_type"));
  if (types) spec.types = std::move(*types);
  HEARTH_TRY(auto suppressed, metadata.get_int_array("tokenizer.ggml.suppress_tokens"));
  if (suppressed) spec.suppressed = std::move(*suppressed);

  const struct {
    std::string_view key;
    std::optional<text::TokenId>& id;
  } ids[] = {
      {"tokenizer.ggml.bos_token_id", spec.bos},
      {"tokenizer.ggml.eos_token_id", spec.eos},
      {"tokenizer.ggml.eot_token_id", spec.eot},
      {"tokenizer.ggml.eom_token_id", spec.eom},
      {"tokenizer.ggml.unknown_token_id", spec.unknown},
      {"tokenizer.ggml.padding_token_id", spec.padding},
      // The format's own spelling first; the other one occurs as well.
      {"tokenizer.ggml.seperator_token_id", spec.separator},
      {"tokenizer.ggml.separator_token_id", spec.separator},
      {"tokenizer.ggml.mask_token_id", spec.mask},
      {"tokenizer.ggml.cls_token_id", spec.cls},
      {"tokenizer.ggml.fim_pre_token_id", spec.fim_prefix},
      {"tokenizer.ggml.fim_suf_token_id", spec.fim_suffix},
      {"tokenizer.ggml.fim_mid_token_id", spec.fim_middle},
      {"tokenizer.ggml.fim_rep_token_id", spec.fim_project},
      {"tokenizer.ggml.fim_sep_token_id", spec.fim_file},
      {"tokenizer.ggml.fim_pad_token_id", spec.fim_padding},
  };
  for (const auto& [key, id] : ids) HEARTH_CHECK_OK(read_id(metadata, key, id));

  const struct {
    std::string_view key;
    std::optional<bool>& flag;
  } flags[] = {
      {"tokenizer.ggml.add_bos_token", spec.add_bos},
      {"tokenizer.ggml.add_eos_token", spec.add_eos},
      {"tokenizer.ggml.add_sep_token", spec.add_sep},
      {"tokenizer.ggml.add_space_prefix", spec.add_space_prefix},
      {"tokenizer.ggml.remove_extra_whitespaces", spec.remove_extra_whitespaces},
      {"tokenizer.ggml.normalizer.lowercase", spec.lowercase},
      {"tokenizer.ggml.normalizer.strip_accents", spec.strip_accents},
  };
  for (const auto& [key, flag] : flags) HEARTH_CHECK_OK(read_bool(metadata, key, flag));
  return spec;
}

}  // namespace hearth::serving
