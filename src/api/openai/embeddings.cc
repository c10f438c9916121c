#include "api/openai/embeddings.h"

#include <bit>

#include "api/base64.h"
#include "api/sampling_fields.h"
#include "api/token_lists.h"
#include "api/vector_reply.h"

namespace hearth::api::openai {
namespace {

constexpr size_t kMaxInputs = 2048;
constexpr int64_t kMaxDimensions = 1 << 20;

std::string little_endian_base64(const std::vector<float>& vector) {
  std::vector<std::byte> bytes;
  bytes.reserve(vector.size() * sizeof(float));
  for (const float value : vector) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::byte>(bits >> shift & 255));
  }
  return base64_encode(bytes);
}

}  // namespace

Parsed<EmbeddingsRequest> parse_embeddings_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  EmbeddingsRequest request;
  HEARTH_API_TRY(request.work.model, read_string(body, "model", "model", kMaxNameBytes));
  HEARTH_API_TRY(request.work.inputs, read_texts(body, "input", kMaxInputs));
  for (size_t i = 0; i < request.work.inputs.size(); ++i) {
    const auto* words = std::get_if<std::string>(&request.work.inputs[i]);
    if (words != nullptr && words->empty()) {
      return refuse(request.work.inputs.size() == 1 ? "input" : at("input", i), "is empty");
    }
  }
  HEARTH_API_TRY(request.work.keep_alive, read_keep_alive(body));
  HEARTH_API_TRY(request.work.truncate, read_bool(body, "truncate", false));
  HEARTH_API_TRY(const auto format, read_string(body, "encoding_format", "encoding_format", 64));
  if (!format.empty() && format != "float" && format != "base64") {
    return refuse("encoding_format", fmt::format("\"{}\" is neither float nor base64", format));
  }
  request.base64 = format == "base64";
  HEARTH_API_TRY(const auto dimensions, read_integer(body, "dimensions", 1, kMaxDimensions));
  if (dimensions) request.dimensions = static_cast<size_t>(*dimensions);
  return request;
}

std::string embeddings_json(const EmbeddingsRequest& request, std::vector<std::vector<float>> vectors,
                            const serving::Usage& usage, int64_t n_dropped_tokens) {
  Json data = Json::array();
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (request.dimensions) shorten(vectors[i], *request.dimensions);
    Json item = Json::object();
    item["object"] = "embedding";
    item["index"] = i;
    item["embedding"] = request.base64 ? Json(little_endian_base64(vectors[i])) : Json(vectors[i]);
    data.push_back(std::move(item));
  }
  Json json = Json::object();
  json["object"] = "list";
  json["data"] = std::move(data);
  json["model"] = request.work.model;
  json["usage"] = Json{{"prompt_tokens", usage.prompt_tokens}, {"total_tokens", usage.prompt_tokens}};
  if (n_dropped_tokens > 0) json["dropped_tokens"] = n_dropped_tokens;
  return dump(json);
}

Task<void> reply_with_embeddings(serving::GenerationService& service, const HttpRequest& http,
                                 ResponseWriter& writer) {
  Parsed<EmbeddingsRequest> request = parse_embeddings_request(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  std::optional<Collected> found = co_await collect_vectors(service, request->work, "input", http, writer);
  if (!found) co_return;
  HttpResponse response;
  response.body = embeddings_json(*request, std::move(found->vectors), found->usage, found->n_dropped_tokens);
  tell_dropped(*found, response);
  co_await writer.send(std::move(response));
}

}  // namespace hearth::api::openai
