// What dialects and commands see of the models: names in, streams out. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/generation_request.h"
#include "serving/token_stream.h"

namespace hearth::serving {

struct ModelSummary {
  std::string name;
  std::string path;
  std::string architecture;
  std::string quantisation;  // the commonest tensor type: "Q4_K"
  uint64_t size_bytes = 0;
  uint64_t n_parameters = 0;
  int64_t context_length = 0;  // tokens a request may use
  int64_t modified_unix_seconds = 0;
  bool loaded = false;
};

class GenerationService {
 public:
  virtual ~GenerationService() = default;

  virtual std::vector<ModelSummary> list_models() const = 0;

  // Starts a generation. Refused at once: kNotFound (unknown model), kInvalidArgument (a field; the message
  // names it), kContextExceeded (both numbers in the message), kOverloaded (queue full, shutting down),
  // kUnsupported. Later failures arrive in the stream.
  virtual Result<TokenStream> generate(GenerationRequest request) = 0;

  // False while it cannot answer (shutting down, model failed); `why` gets one sentence.
  virtual bool healthy(std::string* why) const = 0;

  // Ends all work: running generations finish within `grace_ms` or end with an Error of kOverloaded;
  // new ones are refused.
  virtual void shut_down(int grace_ms) = 0;
};

}  // namespace hearth::serving
