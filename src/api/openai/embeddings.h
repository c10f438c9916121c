// POST /v1/embeddings.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "api/http_types.h"
#include "serving/generation_service.h"

namespace hearth::api::openai {

struct EmbeddingsRequest {
  serving::EmbeddingRequest work;
  bool base64 = false;                 // little-endian 32-bit floats, which the official clients ask for
  std::optional<size_t> dimensions{};  // the first so many, then unit length again; more than there are = all
};

Parsed<EmbeddingsRequest> parse_embeddings_request(std::string_view body);

// The whole reply. `vectors` in the order of the inputs.
std::string embeddings_json(const EmbeddingsRequest& request, std::vector<std::vector<float>> vectors,
                            const serving::Usage& usage);

Task<void> reply_with_embeddings(serving::GenerationService& service, const HttpRequest& http,
                                 ResponseWriter& writer);

}  // namespace hearth::api::openai
