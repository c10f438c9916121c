#include "api/vector_reply.h"

namespace hearth::api {

Task<std::optional<Collected>> collect_vectors(Result<serving::TokenStream> stream, size_t n_inputs,
                                               const ReplyErrors& errors, ResponseWriter& writer) {
  if (!stream) {
    co_await writer.fail(errors.translate(stream.error()));
    co_return std::nullopt;
  }
  std::vector<serving::TokenStream> streams;
  streams.push_back(std::move(*stream));
  auto answers = co_await collect_reply(std::move(streams), 1, errors, writer);
  if (!answers) co_return std::nullopt;
  Answer& answer = answers->front();
  Collected found;
  found.vectors.resize(n_inputs);
  for (serving::Embedding& embedding : answer.embeddings) {
    if (embedding.index < n_inputs) found.vectors[embedding.index] = std::move(embedding.values);
  }
  found.usage = answer.end.usage;
  found.timings = answer.end.timings;
  co_return found;
}

}  // namespace hearth::api
