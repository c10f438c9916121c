// What restricts the tokens a sequence may choose. Implemented above the engine, called on the engine's
// thread once per sampled token, so it must be quick.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace hearth::engine {

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // The tokens that may come next: bit i % 64 of word i / 64 for token i, ids behind the last word excluded.
  // Valid until accept(). nullopt: any token. An error ends the sequence with it.
  virtual Result<std::optional<std::span<const uint64_t>>> allowed() = 0;

  // Moves on by the token that was chosen, one that was allowed.
  virtual Status accept(int32_t token) = 0;
};

}  // namespace hearth::engine
