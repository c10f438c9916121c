// The responses that are kept, for coroutines: the disk is asked on a thread of its own. Each owner sees
// their own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/fields.h"
#include "api/openai/responses/request.h"
#include "api/worker.h"
#include "store/response_store.h"

namespace hearth::api::openai::responses {

class StoredResponses {
 public:
  // `store` may be null: then nothing is kept, and asking for something says so. `on_problem` is told, in one
  // sentence, what could not be kept. What is given here outlives this.
  StoredResponses(store::ResponseStore* store, Worker& disk,
                  std::function<void(const std::string&)> on_problem)
      : store_(store), disk_(disk), on_problem_(std::move(on_problem)) {}

  bool available() const { return store_ != nullptr; }

  // Stores what was answered, some time later; whoever asks after this call finds it.
  void keep(const std::string& owner, const ResponsesRequest& request, const Json& response);

  // The items of the conversation that ends in this response; none for an empty id.
  Task<Parsed<std::vector<Json>>> history(std::string owner, std::string id);
  // Puts the items that are referred to in the place of their references.
  Task<Parsed<void>> resolve_references(std::string owner, Json& input);

  Task<Parsed<Json>> response(std::string owner, std::string id);
  Task<Parsed<std::vector<Json>>> input_items(std::string owner, std::string id);
  Task<Parsed<void>> remove(std::string owner, std::string id);

 private:
  Task<Parsed<store::StoredResponse>> find(std::string owner, std::string id);

  store::ResponseStore* store_;
  Worker& disk_;
  std::function<void(const std::string&)> on_problem_;
};

}  // namespace hearth::api::openai::responses
