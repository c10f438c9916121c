// Texts as what an embedder reads.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/embedder.h"
#include "serving/text_model.h"

namespace hearth::serving {

// A text between the vocabulary's own first and last tokens. With `truncate` the text's end is left out where
// it is longer than `max_tokens`; the last token stays the vocabulary's.
engine::EmbedText embedding_input(const TextModel& words, const std::string& text, bool truncate,
                                  size_t max_tokens);

// A query and a document in one: by the file's own template for it (tokenizer.chat_template.rerank), else as
// BERT's two segments, [CLS] query [SEP] document [SEP].
engine::EmbedText ranking_input(const TextModel& words, const std::string& query,
                                const std::string& document);

}  // namespace hearth::serving
