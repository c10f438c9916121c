#include "api/anthropic/routes.h"

#include <memory>

#include "api/anthropic/errors.h"
#include "api/anthropic/event_encoder.h"
#include "api/anthropic/message_request.h"
#include "api/anthropic/reply_format.h"
#include "api/generation_reply.h"
#include "base/random_id.h"
#include "serving/text_model.h"

namespace hearth::api::anthropic {
namespace {

constexpr std::string_view kPromptField = "messages";

struct Routes {
  serving::GenerationService& service;
  AnthropicOptions options;
};

// A request that names a model which is served.
Parsed<MessageRequest> read_request(const Routes& routes, const HttpRequest& http, ResponseWriter& writer) {
  HEARTH_API_TRY(MessageRequest request, parse_message_request(http.body));
  HEARTH_API_TRY(request.generation.model, requested_model(routes.service, request.generation.model));
  request.generation.cache_scope = http.owner;
  writer.notes().model = request.generation.model;
  return request;
}

Task<void> create_message(const Routes& routes, const HttpRequest& http, ResponseWriter& writer) {
  Parsed<MessageRequest> request = read_request(routes, http, writer);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  ReplyHead head;
  head.id = random_id("msg_");
  head.model = request->generation.model;
  head.show_thinking = request->show_thinking;
  auto stream = routes.service.generate(std::move(request->generation));
  if (!stream) {
    co_await writer.fail(from_error(stream.error(), kPromptField));
    co_return;
  }
  std::vector<serving::TokenStream> streams;
  streams.push_back(std::move(*stream));
  if (request->stream) {
    EventEncoder encoder(std::move(head), http.id);
    co_await stream_reply(std::move(streams), 1, kPromptField, routes.options.keep_alive_interval, encoder,
                          writer);
    co_return;
  }
  const auto answers = co_await collect_reply(std::move(streams), 1, kPromptField, writer);
  if (!answers) co_return;
  HttpResponse response;
  response.body = dump(whole_message(head, answers->front()));
  co_await writer.send(std::move(response));
}

Result<size_t> count(const Routes& routes, const serving::GenerationRequest& request) {
  HEARTH_TRY(const auto words, routes.service.text_model(request.model));
  HEARTH_TRY(const auto ids, words->encode(std::get<serving::ChatPrompt>(request.prompt)));
  return ids.size();
}

Task<void> count_tokens(const Routes& routes, const HttpRequest& http, ResponseWriter& writer) {
  const Parsed<MessageRequest> request = read_request(routes, http, writer);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  const Result<size_t> n_tokens = count(routes, request->generation);
  if (!n_tokens) {
    co_await writer.fail(from_error(n_tokens.error(), kPromptField));
    co_return;
  }
  HttpResponse response;
  response.body = dump(Json{{"input_tokens", *n_tokens}});
  co_await writer.send(std::move(response));
}

}  // namespace

void add_anthropic_routes(Router& router, serving::GenerationService& service, AnthropicOptions options) {
  const auto routes = std::make_shared<const Routes>(Routes{service, options});
  router.set_dialect("anthropic");
  router.set_error_format("/v1/messages", error_response);
  router.add("POST", "/v1/messages", Scope::kChat,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return create_message(*routes, request, writer);
             });
  router.add("POST", "/v1/messages/count_tokens", Scope::kChat,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return count_tokens(*routes, request, writer);
             });
}

}  // namespace hearth::api::anthropic
