#include "api/llama_server/routes.h"

#include <memory>

#include "api/error_response.h"
#include "api/generation_reply.h"
#include "api/llama_server/completion_reply.h"
#include "api/llama_server/completion_request.h"
#include "api/llama_server/native_embedding.h"
#include "api/llama_server/props.h"
#include "api/llama_server/text_routes.h"
#include "api/openai/embeddings.h"

namespace hearth::api::llama_server {
namespace {

using serving::GenerationService;
using TextRoute = Parsed<std::string> (*)(GenerationService&, const std::string& body);
constexpr std::string_view kPromptField = "prompt";
using ParseCompletion = Parsed<CompletionRequest> (*)(std::string_view body);

struct Routes {
  GenerationService& service;
  LlamaServerOptions options;
};

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

Task<void> reply_with(Parsed<std::string> reply, ResponseWriter& writer) {
  if (!reply) {
    co_await writer.fail(reply.error());
    co_return;
  }
  co_await writer.send(json_response(std::move(*reply)));
}

Task<void> complete(const Routes& routes, ParseCompletion parse, const HttpRequest& http,
                    ResponseWriter& writer) {
  Parsed<CompletionRequest> request = parse(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  Parsed<std::string> model = requested_model(routes.service, request->generations.front().model);
  if (!model) {
    co_await writer.fail(model.error());
    co_return;
  }
  writer.notes().model = *model;
  std::vector<serving::TokenStream> streams;
  for (serving::GenerationRequest& generation : request->generations) {
    generation.model = *model;
    generation.cache_scope = http.owner;
    auto stream = routes.service.generate(generation);
    // Streams that have started are cancelled by going out of scope.
    if (!stream) {
      co_await writer.fail(from_error(stream.error(), kPromptField));
      co_return;
    }
    streams.push_back(std::move(*stream));
  }
  if (request->stream) {
    CompletionEncoder encoder(*model, *request);
    co_await stream_reply(std::move(streams), 1, kPromptField, routes.options.keep_alive_interval, encoder,
                          writer);
    co_return;
  }
  const auto answers = co_await collect_reply(std::move(streams), 1, kPromptField, writer);
  if (!answers) co_return;
  Json list = Json::array();
  for (size_t i = 0; i < answers->size(); ++i) {
    list.push_back(completion_json(*model, *request, i, (*answers)[i], false));
  }
  co_await writer.send(json_response(dump(request->list ? list : list.front())));
}

// `content` is llama-server's own shape, `input` OpenAI's.
Task<void> embed(const Routes& routes, const HttpRequest& http, ResponseWriter& writer) {
  const Parsed<Json> body = read_object(http.body);
  const bool native = body && find(*body, "content") != nullptr;
  if (native) return reply_with_native_embedding(routes.service, http, writer);
  return openai::reply_with_embeddings(routes.service, http, writer);
}

// The value of `model` in a query, as sent: what names are made of needs no escaping there.
std::string model_of_query(std::string_view query) {
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    if (item.starts_with("model=")) return std::string(item.substr(6));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
  }
  return {};
}

}  // namespace

void add_llama_server_routes(Router& router, GenerationService& service, LlamaServerOptions options) {
  router.set_dialect("llama_server");
  const auto routes = std::make_shared<const Routes>(Routes{service, std::move(options)});
  const std::pair<const char*, TextRoute> text_routes[] = {
      {"/tokenize", tokenize},
      {"/detokenize", detokenize},
      {"/apply-template", apply_template},
      {"/v1/chat/completions/input_tokens", count_chat_tokens},
      {"/chat/completions/input_tokens", count_chat_tokens},
  };
  for (const auto& [path, route] : text_routes) {
    router.add("POST", path, Scope::kChat,
               [routes, route = route](const HttpRequest& request, ResponseWriter& writer) {
                 return reply_with(route(routes->service, request.body), writer);
               });
  }
  const std::pair<const char*, ParseCompletion> completion_routes[] = {
      {"/completion", parse_completion_request},
      {"/infill", parse_infill_request},
  };
  for (const auto& [path, parse] : completion_routes) {
    router.add("POST", path, Scope::kChat,
               [routes, parse = parse](const HttpRequest& request, ResponseWriter& writer) {
                 return complete(*routes, parse, request, writer);
               });
  }
  for (const char* path : {"/embedding", "/embeddings"}) {
    router.add("POST", path, Scope::kChat, [routes](const HttpRequest& request, ResponseWriter& writer) {
      return embed(*routes, request, writer);
    });
  }
  router.add("GET", "/props", Scope::kChat, [routes](const HttpRequest& request, ResponseWriter& writer) {
    return reply_with(props(routes->service, model_of_query(request.query), routes->options.build_info),
                      writer);
  });
  router.add("GET", "/slots", Scope::kChat, [routes](const HttpRequest&, ResponseWriter& writer) {
    return writer.send(json_response(slots(routes->service)));
  });
  router.add("GET", "/lora-adapters", Scope::kChat,
             [](const HttpRequest&, ResponseWriter& writer) { return writer.send(json_response("[]")); });
}

}  // namespace hearth::api::llama_server
