// Waiting for the vectors of one request, for every dialect.
#pragma once

#include <optional>
#include <vector>

#include "api/generation_reply.h"

namespace hearth::api {

struct Collected {
  std::vector<std::vector<float>> vectors;  // by index of the input
  serving::Usage usage;
  serving::Timings timings;
  int64_t n_dropped_tokens = 0;  // of all inputs, left out at their ends as was asked for
};

// Adds a header about tokens that were left out, if any were.
void tell_dropped(const Collected& found, HttpResponse& response);

// Waits for the vectors of `n_inputs` inputs. nullopt: it has failed, which was replied, or the client has
// left. `prompt_field` as in from_error().
Task<std::optional<Collected>> wait_for_vectors(Result<serving::TokenStream> stream, size_t n_inputs,
                                                std::string_view prompt_field, ResponseWriter& writer);

// Has the model that `work` names do it, and sets its name to what it is here. The inputs are used up.
// nullopt as above.
Task<std::optional<Collected>> collect_vectors(serving::GenerationService& service,
                                               serving::EmbeddingRequest& work, std::string_view prompt_field,
                                               const HttpRequest& http, ResponseWriter& writer);
Task<std::optional<Collected>> collect_vectors(serving::GenerationService& service,
                                               serving::RankRequest& work, std::string_view prompt_field,
                                               const HttpRequest& http, ResponseWriter& writer);

// Leaves the first `n` numbers of a vector, at unit length again. One that has no more stays as it is.
void shorten(std::vector<float>& vector, size_t n);

}  // namespace hearth::api
