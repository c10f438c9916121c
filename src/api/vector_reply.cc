#include "api/vector_reply.h"

#include <cmath>

namespace hearth::api {
namespace {

struct Started {
  Result<serving::TokenStream> stream;
  size_t n_inputs;
};

Started start(serving::GenerationService& service, serving::EmbeddingRequest work) {
  const size_t n_inputs = work.inputs.size();
  return {service.embed(std::move(work)), n_inputs};
}

Started start(serving::GenerationService& service, serving::RankRequest work) {
  const size_t n_documents = work.documents.size();
  return {service.rank(std::move(work)), n_documents};
}

template <typename Work>
Task<std::optional<Collected>> collect(serving::GenerationService& service, Work& work,
                                       std::string_view prompt_field, const HttpRequest& http,
                                       ResponseWriter& writer) {
  Parsed<std::string> model = requested_model(service, work.model);
  if (!model) {
    co_await writer.fail(model.error());
    co_return std::nullopt;
  }
  work.cache_scope = http.owner;
  work.model = *model;
  Started started = start(service, std::move(work));
  writer.notes().model = work.model = std::move(*model);
  co_return co_await wait_for_vectors(std::move(started.stream), started.n_inputs, prompt_field, writer);
}

}  // namespace

Task<std::optional<Collected>> wait_for_vectors(Result<serving::TokenStream> stream, size_t n_inputs,
                                                std::string_view prompt_field, ResponseWriter& writer) {
  if (!stream) {
    co_await writer.fail(from_error(stream.error(), prompt_field));
    co_return std::nullopt;
  }
  std::vector<serving::TokenStream> streams;
  streams.push_back(std::move(*stream));
  auto answers = co_await collect_reply(std::move(streams), 1, prompt_field, writer);
  if (!answers) co_return std::nullopt;
  Answer& answer = answers->front();
  Collected found;
  found.vectors.resize(n_inputs);
  for (serving::Embedding& embedding : answer.embeddings) {
    if (embedding.index < n_inputs) found.vectors[embedding.index] = std::move(embedding.values);
  }
  found.usage = answer.end.usage;
  found.timings = answer.end.timings;
  found.n_dropped_tokens = answer.end.n_dropped_tokens;
  co_return found;
}

Task<std::optional<Collected>> collect_vectors(serving::GenerationService& service,
                                               serving::EmbeddingRequest& work, std::string_view prompt_field,
                                               const HttpRequest& http, ResponseWriter& writer) {
  return collect(service, work, prompt_field, http, writer);
}

Task<std::optional<Collected>> collect_vectors(serving::GenerationService& service,
                                               serving::RankRequest& work, std::string_view prompt_field,
                                               const HttpRequest& http, ResponseWriter& writer) {
  return collect(service, work, prompt_field, http, writer);
}

void tell_dropped(const Collected& found, HttpResponse& response) {
  if (found.n_dropped_tokens == 0) return;
  response.headers.emplace_back("X-Context-Truncated", std::to_string(found.n_dropped_tokens));
}

void shorten(std::vector<float>& vector, size_t n) {
  if (n >= vector.size()) return;
  vector.resize(n);
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  if (squares <= 0) return;
  const double length = std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) / length);
}

}  // namespace hearth::api
