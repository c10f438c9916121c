#include "api/ollama/embed_request.h"

#include "api/sampling_fields.h"

namespace hearth::api::ollama {
namespace {

constexpr size_t kMaxInputs = 10'000;
constexpr int64_t kMaxDimensions = 1 << 20;

Parsed<EmbedRequest> read_common(const Json& body) {
  EmbedRequest request;
  HEARTH_API_TRY(request.request.model, read_model(body));
  HEARTH_API_TRY(request.request.keep_alive, read_keep_alive(body));
  serving::GenerationRequest unused;
  HEARTH_API_CHECK(read_options(body, unused));  // nothing is sampled; their types are checked all the same
  return request;
}

}  // namespace

Parsed<EmbedRequest> parse_embed_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  HEARTH_API_TRY(EmbedRequest request, read_common(body));
  HEARTH_API_TRY(request.request.truncate, read_bool(body, "truncate", true));
  HEARTH_API_TRY(request.dimensions, read_integer(body, "dimensions", 0, kMaxDimensions));
  const Json* input = find(body, "input");
  if (input == nullptr) return request;
  const Json list = input->is_array() ? *input : Json::array({*input});
  if (list.size() > kMaxInputs) {
    return refuse("input", fmt::format("has {} texts, at most {} are allowed", list.size(), kMaxInputs));
  }
  for (const Json& one : list) {
    if (!one.is_string()) return refuse_with("invalid input type");
    request.request.inputs.emplace_back(one.get<std::string>());
  }
  if (!input->is_array() && *input == "") request.request.inputs.clear();  // loads the model
  return request;
}

Parsed<EmbedRequest> parse_embeddings_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  HEARTH_API_TRY(EmbedRequest request, read_common(body));
  HEARTH_API_TRY(auto prompt, read_string(body, "prompt", "prompt", kNoLimit));
  request.single = true;
  request.request.normalise = false;
  request.request.truncate = true;
  if (!prompt.empty()) request.request.inputs.emplace_back(std::move(prompt));
  return request;
}

}  // namespace hearth::api::ollama
