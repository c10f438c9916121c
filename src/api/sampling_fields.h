// The fields that say how tokens are chosen, under the names that several dialects share, in one table of
// types, ranges and units; and those that say how the model is to be run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api {

constexpr size_t kMaxStops = 256;
constexpr size_t kMaxStopBytes = 4096;
constexpr size_t kMaxBiases = 10'000;
constexpr int64_t kMaxTopLogprobs = 20;

// temperature, top_p, top_k, min_p, typical_p, penalties, repeat_last_n, max_tokens, max_completion_tokens,
// num_predict, n_predict, seed, stop, logit_bias and ignore_eos of `object` into `request`. `prefix` goes
// before the names in errors ("options."). What is absent leaves the request as it is.
Parsed<void> read_sampling_fields(const Json& object, std::string_view prefix,
                                  serving::GenerationRequest& request);

// A string or a list of strings; empty ones are left out.
Parsed<std::vector<std::string>> read_stops(const Json& object, std::string_view name,
                                            std::string_view shown_name);

// logprobs (bool) and top_logprobs.
Parsed<void> read_logprobs(const Json& object, serving::GenerationRequest& request);

// keep_alive: seconds as a number, or a duration ("10m"); negative = for good.
Parsed<std::optional<serving::KeepAlive>> read_keep_alive(const Json& body);

// num_ctx: tokens of context; 0 = as many as there are.
Parsed<void> read_num_ctx(const Json& options, serving::GenerationRequest& request);

}  // namespace hearth::api
