#include "api/openai/responses/routes.h"

#include <charconv>
#include <ctime>
#include <memory>

#include "api/error_response.h"
#include "api/generation_reply.h"
#include "api/openai/responses/request.h"
#include "api/openai/responses/response.h"
#include "api/openai/responses/stored_responses.h"
#include "api/openai/responses/stream_encoder.h"
#include "api/worker.h"
#include "base/random_id.h"
#include "serving/text_model.h"

namespace hearth::api::openai::responses {
namespace {

constexpr int64_t kListed = 20;  // input items, where a request does not say
constexpr int64_t kMostListed = 100;
constexpr std::string_view kPromptField = "input";

struct Routes {
  Routes(serving::GenerationService& generation_service, OpenAiOptions openai_options)
      : service(generation_service),
        options(std::move(openai_options)),
        stored(options.responses, disk, options.on_problem) {}

  serving::GenerationService& service;
  const OpenAiOptions options;
  StoredResponses stored;
  Worker disk;  // ends its work before what it works with goes
};

HttpResponse json_reply(const Json& json) {
  HttpResponse reply;
  reply.body = dump(json);
  return reply;
}

// A request with its whole conversation, for a model that is served.
Task<Parsed<ResponsesRequest>> read_request(Routes& routes, const HttpRequest& http) {
  Parsed<ResponsesRequest> request = parse_responses_request(http.body);
  if (!request) co_return request;
  Parsed<std::string> model = requested_model(routes.service, request->generation.model);
  if (!model) co_return tl::unexpected(model.error());
  request->generation.model = std::move(*model);
  request->generation.cache_scope = http.owner;
  auto earlier = co_await routes.stored.history(http.owner, request->previous_response_id);
  if (!earlier) co_return tl::unexpected(earlier.error());
  auto resolved = co_await routes.stored.resolve_references(http.owner, request->input);
  if (!resolved) co_return tl::unexpected(resolved.error());
  if (auto added = add_conversation(*request, std::move(*earlier)); !added)
    co_return tl::unexpected(added.error());
  request->store = request->store && routes.stored.available();
  co_return request;
}

Task<void> respond(Routes& routes, const HttpRequest& http, ResponseWriter& writer) {
  Parsed<ResponsesRequest> request = co_await read_request(routes, http);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  writer.notes().model = request->generation.model;
  Json response = new_response(*request, random_id("resp_"), std::time(nullptr));
  auto stream = routes.service.generate(std::move(request->generation));
  if (!stream) {
    co_await writer.fail(from_error(stream.error(), kPromptField));
    co_return;
  }
  std::vector<serving::TokenStream> streams;
  streams.push_back(std::move(*stream));
  const auto keep = [&](const Json& done) {
    if (request->store) routes.stored.keep(http.owner, *request, done);
  };
  if (request->stream) {
    StreamEncoder encoder(*request, std::move(response), keep);
    co_await stream_reply(std::move(streams), 1, kPromptField, routes.options.keep_alive_interval, encoder,
                          writer);
    co_return;
  }
  const auto answers = co_await collect_reply(std::move(streams), 1, kPromptField, writer);
  if (!answers) co_return;
  const Answer& answer = answers->front();
  complete_response(response, output_of(answer, *request), answer.end, std::time(nullptr));
  keep(response);
  co_await writer.send(json_reply(response));
}

// How many tokens the prompt of a request has. Needs the tokenizer and the template, no weights.
Task<void> count_input_tokens(Routes& routes, const HttpRequest& http, ResponseWriter& writer) {
  const Parsed<ResponsesRequest> request = co_await read_request(routes, http);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  const Result<size_t> n_tokens = co_await routes.disk.run([&]() -> Result<size_t> {
    HEARTH_TRY(const auto model, routes.service.text_model(request->generation.model));
    HEARTH_TRY(const auto tokens, model->encode(std::get<serving::ChatPrompt>(request->generation.prompt)));
    return tokens.size();
  });
  if (!n_tokens) {
    co_await writer.fail(from_error(n_tokens.error(), kPromptField));
    co_return;
  }
  Json json = Json::object();
  json["object"] = "response.input_tokens";
  json["input_tokens"] = *n_tokens;
  co_await writer.send(json_reply(json));
}

// "name=value" of the query, as it was sent: ids, numbers and words have nothing to decode.
std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) return one.substr(name.size() + 1);
  }
  return {};
}

// A page of the items, newest first unless the query says otherwise.
Parsed<Json> listed(std::vector<Json> items, std::string_view query) {
  const std::string_view order = query_value(query, "order");
  const std::string_view after = query_value(query, "after");
  const std::string_view limit = query_value(query, "limit");
  if (order != "asc" && order != "desc" && !order.empty()) return refuse("order", "is neither asc nor desc");
  int64_t n_listed = kListed;
  if (!limit.empty()) {
    const auto [end, problem] = std::from_chars(limit.data(), limit.data() + limit.size(), n_listed);
    if (problem != std::errc() || end != limit.data() + limit.size() || n_listed < 1 ||
        n_listed > kMostListed) {
      return refuse("limit", fmt::format("must be an integer between 1 and {}", kMostListed));
    }
  }
  if (order != "asc") std::reverse(items.begin(), items.end());
  auto first = items.begin();
  if (!after.empty()) {
    first = std::find_if(items.begin(), items.end(), [&](const Json& item) { return item["id"] == after; });
    if (first == items.end()) return refuse("after", "is not the id of one of the items");
    ++first;
  }
  const auto last = first + std::min<std::ptrdiff_t>(n_listed, items.end() - first);
  Json json = Json::object();
  json["object"] = "list";
  json["data"] = Json(std::vector<Json>(first, last));
  json["first_id"] = first == last ? Json(nullptr) : (*first)["id"];
  json["last_id"] = first == last ? Json(nullptr) : (*(last - 1))["id"];
  json["has_more"] = last != items.end();
  return json;
}

// GET {id}, GET {id}/input_items, POST {id}/cancel, DELETE {id}.
Task<Parsed<Json>> ask_stored(Routes& routes, const HttpRequest& http, std::string_view rest) {
  const std::string id(rest.substr(0, rest.find('/')));
  const std::string_view part = rest.substr(id.size());
  if (http.method == "DELETE" && part.empty()) {
    if (auto removed = co_await routes.stored.remove(http.owner, id); !removed)
      co_return tl::unexpected(removed.error());
    co_return Json{{"id", id}, {"object", "response"}, {"deleted", true}};
  }
  if (http.method == "POST" && part == "/cancel") {
    if (auto found = co_await routes.stored.response(http.owner, id); !found) co_return found;
    co_return refuse("response_id",
                     "names a response that is complete; only one that runs in the background "
                     "can be cancelled, the others end when their connection is closed");
  }
  if (http.method != "POST" && part == "/input_items") {
    auto items = co_await routes.stored.input_items(http.owner, id);
    if (!items) co_return tl::unexpected(items.error());
    co_return listed(std::move(*items), http.query);
  }
  if (http.method != "POST" && http.method != "DELETE" && part.empty()) {
    if (query_value(http.query, "stream") == "true") {
      co_return refuse("stream", "a stored response cannot be streamed again");
    }
    co_return co_await routes.stored.response(http.owner, id);
  }
  co_return tl::unexpected(http_error(404, fmt::format("there is no {} {}", http.method, http.path)));
}

Task<void> reply_stored(Routes& routes, const HttpRequest& http, std::string_view rest,
                        ResponseWriter& writer) {
  const Parsed<Json> json = co_await ask_stored(routes, http, rest);
  if (!json) {
    co_await writer.fail(json.error());
    co_return;
  }
  co_await writer.send(json_reply(*json));
}

}  // namespace

void add_responses_routes(Router& router, serving::GenerationService& service, const OpenAiOptions& options) {
  const auto routes = std::make_shared<Routes>(service, options);
  for (const std::string prefix : {"/v1/responses", "/responses"}) {
    router.add("POST", prefix, Scope::kChat, [routes](const HttpRequest& request, ResponseWriter& writer) {
      return respond(*routes, request, writer);
    });
    router.add("POST", prefix + "/input_tokens", Scope::kChat,
               [routes](const HttpRequest& request, ResponseWriter& writer) {
                 return count_input_tokens(*routes, request, writer);
               });
    for (const char* method : {"GET", "POST", "DELETE"}) {
      router.add(method, prefix + "/*", Scope::kChat,
                 [routes, prefix](const HttpRequest& request, ResponseWriter& writer) {
                   return reply_stored(*routes, request, path_rest(request, prefix + "/"), writer);
                 });
    }
  }
}

}  // namespace hearth::api::openai::responses
