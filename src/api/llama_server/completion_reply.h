// The replies of /completion and /infill.
#pragma once

#include <string>
#include <vector>

#include "api/generation_reply.h"
#include "api/json.h"
#include "api/llama_server/completion_request.h"

namespace hearth::api::llama_server {

// The whole reply for one prompt; without its text and tokens where they have been streamed.
Json completion_json(const std::string& model, const CompletionRequest& request, size_t index,
                     const Answer& answer, bool streamed);

// Server-sent events, without a mark at the end: the last one says "stop".
class CompletionEncoder : public ReplyEncoder {
 public:
  // Both must outlive it.
  CompletionEncoder(const std::string& model, const CompletionRequest& request)
      : model_(model), request_(request), answers_(request.generations.size()) {}

  std::string_view content_type() const override { return "text/event-stream; charset=utf-8"; }
  std::string opening() override { return {}; }
  std::string encode(const StreamEvent& event) override;
  std::string closing() override { return {}; }
  std::string keep_alive() override { return ": still working\n\n"; }
  std::string failure(const ApiError& error) override { return "data: " + error_json(error) + "\n\n"; }

 private:
  const std::string& model_;
  const CompletionRequest& request_;
  std::vector<Answer> answers_;  // so far
};

}  // namespace hearth::api::llama_server
