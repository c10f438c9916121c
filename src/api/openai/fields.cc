#include "api/openai/fields.h"

#include "api/openai/output_format.h"

namespace hearth::api::openai {

using serving::GenerationRequest;

Parsed<GenerationRequest> read_shared_fields(const Json& body) {
  GenerationRequest request;
  HEARTH_API_TRY(request.model, read_string(body, "model", "model", kMaxNameBytes));
  if (const Json* options = find(body, "options")) {
    if (!options->is_object()) return refuse("options", shown(*options) + ", must be an object");
    HEARTH_API_CHECK(read_sampling_fields(*options, "options.", request));
    HEARTH_API_CHECK(read_num_ctx(*options, request));
  }
  HEARTH_API_CHECK(read_sampling_fields(body, "", request));
  HEARTH_API_CHECK(read_num_ctx(body, request));
  HEARTH_API_TRY(request.keep_alive, read_keep_alive(body));
  HEARTH_API_TRY(request.format, read_output_format(body));
  return request;
}

Parsed<ReplyOptions> read_reply_options(const Json& body) {
  ReplyOptions options;
  HEARTH_API_TRY(options.stream, read_bool(body, "stream", false));
  if (const Json* more = find(body, "stream_options")) {
    if (!more->is_object()) return refuse("stream_options", shown(*more) + ", must be an object");
    HEARTH_API_TRY(options.include_usage, read_bool(*more, "include_usage", false));
  }
  HEARTH_API_TRY(options.return_progress, read_bool(body, "return_progress", false));
  HEARTH_API_TRY(auto n, read_integer(body, "n", 1, kMaxChoices));
  options.n = n.value_or(1);
  return options;
}

void add_choices(DialectRequest& request, GenerationRequest generation) {
  for (int64_t i = 0; i < request.reply.n; ++i) {
    GenerationRequest choice = generation;
    if (choice.sampling.seed) *choice.sampling.seed += static_cast<uint64_t>(i);
    request.generations.push_back(std::move(choice));
  }
}

}  // namespace hearth::api::openai
