// POST /api/embed and its predecessor /api/embeddings: the bodies as native requests.
#pragma once

#include "api/ollama/fields.h"

namespace hearth::api::ollama {

struct EmbedRequest {
  serving::EmbeddingRequest request;
  std::optional<int64_t> dimensions;  // the vectors' first so many numbers are wanted
  bool single = false;                // one vector, as it is: the older route
};

Parsed<EmbedRequest> parse_embed_request(std::string_view body);
Parsed<EmbedRequest> parse_embeddings_request(std::string_view body);

}  // namespace hearth::api::ollama
