// Texts as what an embedder reads.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/embedder.h"
#include "serving/text_model.h"

namespace hearth::serving {

// A text between the vocabulary's own first and last tokens.
engine::EmbedText embedding_input(const TextModel& words, const std::string& text);

// Leaves out the end of what is longer than `max_tokens`; a last token of the vocabulary's own stays the
// last. Returns how many tokens went.
int64_t cut_to(size_t max_tokens, const text::Tokenizer& tokenizer, engine::EmbedText& input);

// A query and a document in one: by the file's own template for it (tokenizer.chat_template.rerank), else as
// BERT's two segments, [CLS] query [SEP] document [SEP].
engine::EmbedText ranking_input(const TextModel& words, const std::string& query,
                                const std::string& document);

}  // namespace hearth::serving
