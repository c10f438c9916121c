#include "api/openai/responses/stored_responses.h"

namespace hearth::api::openai::responses {
namespace {

using store::StoredItem;
using store::StoredResponse;
using Refusal = tl::unexpected<ApiError>;

Refusal nothing_is_stored(std::string field) {
  return refuse(std::move(field), "this server stores no responses: its data folder cannot be used");
}

// 404 for what is not there; the rest as any error from below.
Refusal not_found(const Error& error) {
  if (error.category == ErrorCategory::kNotFound) return Refusal(http_error(404, error.message));
  return Refusal(from_error(error));
}

std::vector<StoredItem> stored_items(const Json& items) {
  std::vector<StoredItem> stored;
  stored.reserve(items.size());
  for (const Json& item : items) stored.push_back({item["id"].get<std::string>(), dump(item)});
  return stored;
}

// What this server wrote itself; a file that somebody changed is no reason to fall.
Parsed<Json> parsed(const std::string& json) {
  Result<Json> value = parse_json(json);
  if (!value) return Refusal(http_error(500, "what was stored is " + value.error().message));
  if (!value->is_object()) return Refusal(http_error(500, "what was stored is not an object"));
  return std::move(*value);
}

Parsed<Json> parsed(const StoredItem& item) {
  HEARTH_API_TRY(Json json, parsed(item.json));
  json["id"] = item.id;
  return json;
}

Parsed<std::vector<Json>> parsed(const std::vector<StoredItem>& stored) {
  std::vector<Json> items;
  items.reserve(stored.size());
  for (const StoredItem& item : stored) {
    HEARTH_API_TRY(Json json, parsed(item));
    items.push_back(std::move(json));
  }
  return items;
}

}  // namespace

void StoredResponses::keep(const std::string& owner, const ResponsesRequest& request, const Json& response) {
  StoredResponse stored;
  stored.id = response["id"].get<std::string>();
  stored.owner = owner;
  stored.previous_id = request.previous_response_id;
  stored.input = stored_items(request.input);
  stored.output = stored_items(response["output"]);
  Json without_output = response;
  without_output["output"] = Json::array();
  stored.json = dump(without_output);
  disk_.post([this, stored = std::move(stored)] {
    if (const Status put = store_->put(stored); !put && on_problem_) {
      on_problem_(fmt::format("response {} is not stored: {}", stored.id, put.error().message));
    }
  });
}

Task<Parsed<std::vector<Json>>> StoredResponses::history(std::string owner, std::string id) {
  if (id.empty()) co_return std::vector<Json>();
  if (!available()) co_return nothing_is_stored("previous_response_id");
  const auto items = co_await disk_.run([&] { return store_->history(owner, id); });
  if (items) co_return parsed(*items);
  if (items.error().category != ErrorCategory::kNotFound) co_return Refusal(from_error(items.error()));
  ApiError error = bad_field("previous_response_id", items.error().message);
  error.code = "previous_response_not_found";
  co_return Refusal(std::move(error));
}

Task<Parsed<void>> StoredResponses::resolve_references(std::string owner, Json& input) {
  for (size_t i = 0; i < input.size(); ++i) {
    const std::string id = referenced_id(input[i]);
    if (id.empty()) continue;
    if (!available()) co_return nothing_is_stored(at("input", i));
    const auto item = co_await disk_.run([&] { return store_->item(owner, id); });
    if (!item && item.error().category == ErrorCategory::kNotFound) {
      co_return refuse(at("input", i), item.error().message);
    }
    if (!item) co_return Refusal(from_error(item.error()));
    Parsed<Json> json = parsed(*item);
    if (!json) co_return Refusal(json.error());
    input[i] = std::move(*json);
  }
  co_return Parsed<void>();
}

Task<Parsed<Json>> StoredResponses::response(std::string owner, std::string id) {
  const Parsed<StoredResponse> stored = co_await find(owner, id);
  if (!stored) co_return Refusal(stored.error());
  Parsed<Json> response = parsed(stored->json);
  Parsed<std::vector<Json>> output = parsed(stored->output);
  if (!response) co_return response;
  if (!output) co_return Refusal(output.error());
  (*response)["output"] = std::move(*output);
  co_return response;
}

Task<Parsed<std::vector<Json>>> StoredResponses::input_items(std::string owner, std::string id) {
  const Parsed<StoredResponse> stored = co_await find(owner, id);
  if (!stored) co_return Refusal(stored.error());
  co_return parsed(stored->input);
}

Task<Parsed<void>> StoredResponses::remove(std::string owner, std::string id) {
  if (!available()) co_return not_found({ErrorCategory::kNotFound, "this server stores no responses"});
  const Status removed = co_await disk_.run([&] { return store_->remove(owner, id); });
  if (!removed) co_return not_found(removed.error());
  co_return Parsed<void>();
}

Task<Parsed<StoredResponse>> StoredResponses::find(std::string owner, std::string id) {
  if (!available()) co_return not_found({ErrorCategory::kNotFound, "this server stores no responses"});
  auto found = co_await disk_.run([&] { return store_->get(owner, id); });
  if (!found) co_return not_found(found.error());
  co_return std::move(*found);
}

}  // namespace hearth::api::openai::responses
