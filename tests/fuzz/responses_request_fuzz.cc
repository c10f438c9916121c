// JSON bodies of /responses: any bytes give a request with its messages, or one error that a client can read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/openai/responses/request.h"
#include "fuzz_target.h"

namespace {

using hearth::api::ApiError;
namespace responses = hearth::api::openai::responses;

void check(const ApiError& error) {
  if (error.status != 400 || error.message.empty()) std::abort();
  static_cast<void>(hearth::api::error_json(error));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto request = responses::parse_responses_request({reinterpret_cast<const char*>(data), size});
  if (!request) {
    check(request.error());
    return 0;
  }
  for (const auto& item : request->input) {
    if (!item["id"].is_string() || !item["type"].is_string()) std::abort();
  }
  if (const auto added = responses::add_conversation(*request, {}); !added) check(added.error());
  return 0;
}
