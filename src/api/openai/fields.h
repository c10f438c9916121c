// The fields that OpenAI's requests share, in one table of types, ranges and units. Everything is checked
// where JSON is read; a field that is null counts as absent, an unknown one is ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "api/error_response.h"
#include "api/json.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

template <typename T>
using Parsed = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> refuse(std::string field, std::string message) {
  return tl::unexpected<ApiError>(bad_field(std::move(field), std::move(message)));
}

constexpr int64_t kMaxChoices = 16;  // n times prompts
constexpr size_t kMaxStops = 256;
constexpr size_t kMaxStopBytes = 4096;
constexpr size_t kMaxBiases = 10'000;
constexpr int64_t kMaxTokens = 2'147'483'647;
constexpr size_t kMaxNameBytes = 1024;

// Member access. nullptr for absent and for null.
const Json* find(const Json& object, std::string_view name);

// Errors name the field; `shown` is its whole path ("messages[2].role").
Parsed<bool> read_bool(const Json& object, std::string_view name, bool otherwise);
Parsed<std::optional<int64_t>> read_integer(const Json& object, std::string_view name, int64_t low,
                                            int64_t high);
Parsed<std::string> read_string(const Json& object, std::string_view name, std::string_view shown,
                                size_t max_bytes);

// Parses `body` into an object; the error is a 400 without a field.
Parsed<Json> read_object(std::string_view body);

// model, sampling fields, stop, seed, max_tokens / max_completion_tokens, logit_bias, ignore_eos.
Parsed<serving::GenerationRequest> read_shared_fields(const Json& body);

struct ReplyOptions {
  bool stream = false;
  bool include_usage = false;
  int64_t n = 1;
};
Parsed<ReplyOptions> read_reply_options(const Json& body);

// A request as all routes of this dialect hand it on: one generation for each choice, in the order of
// `index`.
struct DialectRequest {
  std::vector<serving::GenerationRequest> generations;
  size_t n_prompts = 1;
  ReplyOptions reply;
  std::vector<std::string> echo;  // one for each choice, written before it; empty = none
};

// n generations from one: with a seed, choice i has seed + i.
void add_choices(DialectRequest& request, serving::GenerationRequest generation);

}  // namespace hearth::api::openai

// HEARTH_API_TRY(auto x, expression); as HEARTH_TRY, for Parsed<T>.
#define HEARTH_API_TRY_CONCAT_(a, b) a##b
#define HEARTH_API_TRY_NAME_(line) HEARTH_API_TRY_CONCAT_(hearth_parsed_, line)
#define HEARTH_API_TRY(declaration, ...)                                                               \
  auto&& HEARTH_API_TRY_NAME_(__LINE__) = (__VA_ARGS__);                                               \
  if (!HEARTH_API_TRY_NAME_(__LINE__))                                                                 \
    return tl::unexpected<::hearth::api::ApiError>(std::move(HEARTH_API_TRY_NAME_(__LINE__)).error()); \
  declaration = std::move(*HEARTH_API_TRY_NAME_(__LINE__))
