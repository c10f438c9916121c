// A gap in a file as the tokens that code models were taught to fill it from: the prefix-suffix-middle order
// of arXiv:2207.14255, with other files of the project in front (arXiv:2409.12186).
#pragma once

#include <vector>

#include "base/result.h"
#include "serving/generation_request.h"
#include "text/tokenizer.h"

namespace hearth::serving {

struct InfillTokens {
  std::vector<text::TokenId> prompt;
  std::vector<text::TokenId> ends;  // tokens that end the answer, beside the vocabulary's own
};

// kUnsupported for a vocabulary without tokens for it. Where it has none for projects and files, their texts
// stand in front as they are. What the files say never becomes a control token.
Result<InfillTokens> encode_infill(const text::Tokenizer& tokenizer, const InfillPrompt& gap);

}  // namespace hearth::serving
