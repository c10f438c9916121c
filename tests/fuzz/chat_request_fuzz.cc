// JSON bodies of the two generating routes: any bytes give a request or one error that a client can read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/openai/chat_request.h"
#include "api/openai/completion_request.h"
#include "fuzz_target.h"

namespace {

using hearth::api::Parsed;
using hearth::api::openai::DialectRequest;

void check(const Parsed<DialectRequest>& parsed) {
  if (parsed) {
    if (parsed->generations.empty()) std::abort();
    return;
  }
  if (parsed.error().status != 400 || parsed.error().message.empty()) std::abort();
  static_cast<void>(hearth::api::error_json(parsed.error()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(hearth::api::openai::parse_chat_request(body));
  check(hearth::api::openai::parse_completion_request(body));
  return 0;
}
