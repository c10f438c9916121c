// POST /embedding and /embeddings with a `content`: vectors in llama-server's own shape.
#pragma once

#include "api/fields.h"
#include "api/http_types.h"
#include "serving/generation_service.h"

namespace hearth::api::llama_server {

struct NativeEmbeddingRequest {
  serving::EmbeddingRequest work;
  // What a vector is divided by: its largest value times 32760 (0), a p-norm (1, 2, …), nothing (-1).
  int64_t norm = 2;
};

Parsed<NativeEmbeddingRequest> parse_native_embedding_request(std::string_view body);
void apply_norm(std::vector<float>& vector, int64_t norm);

Task<void> reply_with_native_embedding(serving::GenerationService& service, const HttpRequest& http,
                                       ResponseWriter& writer);

}  // namespace hearth::api::llama_server
