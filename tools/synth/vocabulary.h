// Vocabularies for synthetic models: made up, or copied from a real model's file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/model_file.h"
#include "gguf/writer.h"
#include "catalogue/model_spec.h"

namespace hearth::synth {

// Adds tokenizer.* keys for spec.vocab made-up tokens: byte-fallback SentencePiece for models that generate
// and Gemma's embedder, WordPiece for the BERT kind. At least 512.
void add_made_up_vocabulary(gguf::GgufWriter& writer, const catalogue::ModelSpec& spec);

// The merges of the SentencePiece kind, in rank order; each is the sum of two earlier pieces.
std::vector<std::string_view> made_up_merges();

// The number of tokens in a file.
Result<uint32_t> vocabulary_size(const gguf::Metadata& source);

// Adds all tokenizer.* keys of the file; where it has fewer than spec.vocab tokens, unused ones fill up. An
// end-of-turn id and a chat template are added where the file has none and the family has one.
Status add_copied_vocabulary(gguf::GgufWriter& writer, const gguf::Metadata& source, const catalogue::ModelSpec& spec);

}  // namespace hearth::synth
