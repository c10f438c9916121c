// JSON bodies of the Ollama dialect: any bytes give a request or one error that a client can read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/ollama/chat_request.h"
#include "api/ollama/create_request.h"
#include "api/ollama/embed_request.h"
#include "api/ollama/generate_request.h"
#include "api/ollama/wire.h"
#include "fuzz_target.h"

namespace {

template <typename T>
void check(const hearth::api::Parsed<T>& parsed) {
  if (parsed) return;
  if (parsed.error().status != 400 || parsed.error().message.empty()) std::abort();
  static_cast<void>(hearth::api::ollama::error_text(parsed.error()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(hearth::api::ollama::parse_chat_request(body));
  check(hearth::api::ollama::parse_generate_request(body));
  check(hearth::api::ollama::parse_embed_request(body));
  check(hearth::api::ollama::parse_embeddings_request(body));
  check(hearth::api::ollama::parse_create_request(body));
  return 0;
}
