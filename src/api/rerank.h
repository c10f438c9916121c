// Ranking documents by how well they answer a query: the dialect that Jina, Cohere and llama-server share,
// and the one of Text Embeddings Inference (told by `texts`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api {

struct RerankFormat {
  bool bare_list = false;         // Text Embeddings Inference
  bool raw_scores = false;        // as the model gives them, instead of 0 … 1
  bool return_documents = false;  // the texts as well
  size_t top_n = ~size_t{0};
  bool cohere = false;  // with id and meta
};

struct RerankRequest {
  serving::RankRequest work;
  RerankFormat format;
};

Parsed<RerankRequest> parse_rerank_request(std::string_view body);

// The reply; `scores` holds the score and the relevance of each document.
std::string rerank_json(const std::string& model, const RerankFormat& format,
                        const std::vector<std::string>& documents,
                        const std::vector<std::vector<float>>& scores, const serving::Usage& usage);

// /v1/rerank, /rerank, /v1/reranking, /reranking, /v2/rerank. `service` outlives the router.
void add_rerank_routes(Router& router, serving::GenerationService& service);

}  // namespace hearth::api
