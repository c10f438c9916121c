// JSON bodies of /v1/messages: any bytes give a request with messages, or one error that a client can read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/anthropic/errors.h"
#include "api/anthropic/message_request.h"
#include "fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = hearth::api::anthropic::parse_message_request(
      std::string_view(reinterpret_cast<const char*>(data), size));
  if (parsed) {
    if (std::get<hearth::serving::ChatPrompt>(parsed->generation.prompt).messages.empty()) std::abort();
    return 0;
  }
  if (parsed.error().status != 400 || parsed.error().message.empty()) std::abort();
  static_cast<void>(hearth::api::anthropic::error_json(parsed.error(), "req_x"));
  return 0;
}
