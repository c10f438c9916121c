#include "api/llama_server/native_embedding.h"

#include <algorithm>
#include <cmath>

#include "api/token_lists.h"
#include "api/vector_reply.h"

namespace hearth::api::llama_server {
namespace {

constexpr size_t kMaxInputs = 2048;
constexpr int64_t kLargestNorm = 16;

}  // namespace

Parsed<NativeEmbeddingRequest> parse_native_embedding_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  NativeEmbeddingRequest request;
  HEARTH_API_TRY(request.work.model, read_string(body, "model", "model", kMaxNameBytes));
  HEARTH_API_TRY(request.work.inputs, read_texts(body, "content", kMaxInputs));
  HEARTH_API_TRY(const auto norm, read_integer(body, "embd_normalize", -1, kLargestNorm));
  request.norm = norm.value_or(2);
  request.work.normalise = request.norm == 2;
  return request;
}

void apply_norm(std::vector<float>& vector, int64_t norm) {
  if (norm == -1 || norm == 2) return;  // 2 is the model's own
  double size = 0;
  for (const float value : vector) {
    const double magnitude = std::abs(static_cast<double>(value));
    size = norm == 0 ? std::max(size, magnitude) : size + std::pow(magnitude, static_cast<double>(norm));
  }
  if (norm == 0) size /= 32760;  // so that 16-bit integers hold them
  if (norm > 0) size = std::pow(size, 1.0 / static_cast<double>(norm));
  if (size <= 0) return;
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) / size);
}

Task<void> reply_with_native_embedding(serving::GenerationService& service, const HttpRequest& http,
                                       ResponseWriter& writer) {
  Parsed<NativeEmbeddingRequest> request = parse_native_embedding_request(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  std::optional<Collected> found = co_await collect_vectors(service, request->work, "content", http, writer);
  if (!found) co_return;
  Json list = Json::array();
  for (size_t i = 0; i < found->vectors.size(); ++i) {
    apply_norm(found->vectors[i], request->norm);
    list.push_back(Json{{"index", i}, {"embedding", Json::array({found->vectors[i]})}});
  }
  HttpResponse response;
  response.body = dump(list);
  co_await writer.send(std::move(response));
}

}  // namespace hearth::api::llama_server
