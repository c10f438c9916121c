// JSON bodies of the routes for vectors, rankings and native completions: any bytes give a request or one
// error that a client can read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/llama_server/completion_request.h"
#include "api/llama_server/native_embedding.h"
#include "api/openai/embeddings.h"
#include "api/rerank.h"
#include "fuzz_target.h"

namespace {

template <typename T>
bool check(const hearth::api::Parsed<T>& parsed) {
  if (parsed) return true;
  if (parsed.error().status != 400 || parsed.error().message.empty()) std::abort();
  static_cast<void>(hearth::api::error_json(parsed.error()));
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::api;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto embeddings = openai::parse_embeddings_request(body);
  if (check(embeddings) && embeddings->work.inputs.empty()) std::abort();
  const auto native = llama_server::parse_native_embedding_request(body);
  if (check(native) && native->work.inputs.empty()) std::abort();
  const auto rerank = parse_rerank_request(body);
  if (check(rerank) && (rerank->work.documents.empty() || rerank->work.query.empty())) std::abort();
  const auto completion = llama_server::parse_completion_request(body);
  if (check(completion) && completion->generations.empty()) std::abort();
  const auto infill = llama_server::parse_infill_request(body);
  if (check(infill) && infill->generations.size() != 1) std::abort();
  return 0;
}
