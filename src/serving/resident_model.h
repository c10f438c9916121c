// A model in memory, as the pool sees it.
#pragma once

#include <chrono>
#include <optional>

#include "base/result.h"
#include "serving/generation_request.h"
#include "serving/generation_service.h"
#include "serving/token_stream.h"

namespace hearth::serving {

// Thread-safe.
class ResidentModel {
 public:
  virtual ~ResidentModel() = default;

  // Starts the work and returns; its events go to `writer`. After an error nothing has gone there.
  virtual Status generate(GenerationRequest request, TokenWriter writer) = 0;
  virtual Status embed(EmbeddingRequest request, TokenWriter writer) = 0;
  virtual Status rank(RankRequest request, TokenWriter writer) = 0;

  virtual LoadedModelState state() const = 0;
  // What it may come to take, all of which is free once it is gone.
  virtual uint64_t planned_bytes() const = 0;
  // Why it cannot work any more; empty while it can.
  virtual std::optional<Error> failure() const = 0;
  // Refuses new work; what is not done after `grace` ends with kOverloaded. Blocks until all has ended.
  virtual void shut_down(std::chrono::milliseconds grace) = 0;
};

}  // namespace hearth::serving
