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
};

// nullopt: it has failed, which was replied, or the client has left.
Task<std::optional<Collected>> collect_vectors(Result<serving::TokenStream> stream, size_t n_inputs,
                                               const ReplyErrors& errors, ResponseWriter& writer);

}  // namespace hearth::api
