#include "api/ollama/routes.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include "api/generation_reply.h"
#include "api/ollama/chat_request.h"
#include "api/ollama/embed_request.h"
#include "api/ollama/generate_request.h"
#include "api/ollama/models.h"
#include "api/ollama/reply_format.h"
#include "api/ollama/wire.h"
#include "api/vector_reply.h"
#include "serving/text_model.h"

namespace hearth::api::ollama {
namespace {

using serving::ChatPrompt;
using serving::ModelSummary;
using serving::TokenStream;
using std::chrono::steady_clock;

// Clients switch features on by this number: the release whose wire format this is.
constexpr const char* kProtocolVersion = "0.32.9";

constexpr std::string_view kPromptField = "prompt";

struct Routes {
  serving::GenerationService& service;
  OllamaOptions options;
};

// What differs between the two generating routes.
struct Dialect {
  Parsed<DialectRequest> (*parse)(std::string_view body);
  bool chat;
};
constexpr Dialect kChat = {parse_chat_request, true};
constexpr Dialect kGenerate = {parse_generate_request, false};

HttpResponse json_response(const Json& json) {
  HttpResponse response;
  response.body = dump(json);
  return response;
}

Task<void> reply(Parsed<HttpResponse> response, ResponseWriter& writer) {
  if (response) {
    co_await writer.send(std::move(*response));
  } else {
    co_await writer.fail(std::move(response).error());
  }
}

Parsed<void> check_capabilities(const ModelSummary& model, const DialectRequest& request, bool chat) {
  const auto lacks = [&](const char* what) {
    return refuse_with(fmt::format("\"{}\" does not support {}", model.name, what));
  };
  if (!model.capabilities.completion) return lacks(chat ? "chat" : "generate");
  const auto* prompt = std::get_if<ChatPrompt>(&request.generation.prompt);
  if (prompt == nullptr) return {};
  if (prompt->thinking.value_or(false) && !model.capabilities.thinking) return lacks("thinking");
  if (!prompt->tools.is_none() && !model.capabilities.tools) return lacks("tools");
  return {};
}

// Waits for a model to be there. The error is one of the load's; nullopt: the client has left.
Task<std::optional<double>> wait_for_load(TokenStream stream, ResponseWriter& writer) {
  std::vector<TokenStream> streams;
  streams.push_back(std::move(stream));
  const auto answers = co_await collect_reply(std::move(streams), 1, kPromptField, writer);
  if (!answers) co_return std::nullopt;
  co_return answers->front().end.timings.load_ms;
}

// A request without a prompt: the model is loaded, or with a keep-alive of 0 let go.
Task<void> load_or_unload(const Routes& routes, const ReplyFormat& format,
                          const serving::GenerationRequest& request, ResponseWriter& writer) {
  if (request.keep_alive == serving::KeepAlive(0)) {
    if (const Status unloaded = routes.service.unload(request.model); !unloaded) {
      co_await writer.fail(from_error(unloaded.error()));
      co_return;
    }
    co_await writer.send(json_response(format.nothing("unload", 0)));
    co_return;
  }
  auto loading = routes.service.preload(request.model, request.keep_alive);
  if (!loading) {
    co_await writer.fail(from_error(loading.error()));
    co_return;
  }
  const auto load_ms = co_await wait_for_load(std::move(*loading), writer);
  if (load_ms) co_await writer.send(json_response(format.nothing("load", *load_ms)));
}

// The prompt as the model would read it.
Parsed<HttpResponse> rendered_prompt(const Routes& routes, const std::string& shown_model,
                                     const serving::GenerationRequest& request) {
  std::string text;
  if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    const auto model = routes.service.text_model(request.model);
    if (!model) return tl::unexpected<ApiError>(from_error(model.error()));
    const auto rendered = (*model)->render(*chat, std::time(nullptr));
    if (!rendered) return tl::unexpected<ApiError>(from_error(rendered.error()));
    text = rendered->text;
  } else {
    const auto* plain = std::get_if<serving::TextPrompt>(&request.prompt);
    if (plain == nullptr)
      return refuse("_debug_render_only", "a gap to fill in is not written by a template");
    text = plain->text;
  }
  Json json = Json::object();
  json["model"] = shown_model;
  json["created_at"] = rfc3339_now();
  json["_debug_info"] = Json{{"rendered_template", text}};
  return json_response(json);
}

// The conversation with its answer as token ids, for clients that send them back as `context`.
std::vector<int32_t> conversation(serving::GenerationService& service, const std::string& model,
                                  const ChatPrompt& prompt, const std::string& answer) {
  const auto text = service.text_model(model);
  if (!text) return {};
  auto tokens = (*text)->encode(prompt);
  if (!tokens) return {};
  const auto more = (*text)->tokenizer().encode(answer);
  tokens->insert(tokens->end(), more.begin(), more.end());
  return std::move(*tokens);
}

Task<void> generate(const Routes& routes, const Dialect& dialect, const HttpRequest& http,
                    ResponseWriter& writer) {
  ReplyHead head{
      .model = {}, .chat = dialect.chat, .logprobs = false, .started = steady_clock::now(), .context = {}};
  Parsed<DialectRequest> request = dialect.parse(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  serving::GenerationRequest& generation = request->generation;
  const Parsed<ModelSummary> model = find_model(routes.service, generation.model);
  if (!model) {
    co_await writer.fail(model.error());
    co_return;
  }
  head.model = generation.model.empty() ? model->name : generation.model;
  generation.model = model->name;
  generation.cache_scope = http.owner;
  writer.notes().model = model->name;
  if (const Parsed<void> capable = check_capabilities(*model, *request, dialect.chat); !capable) {
    co_await writer.fail(capable.error());
    co_return;
  }
  if (request->is_empty) {
    co_await load_or_unload(routes, ReplyFormat(std::move(head)), generation, writer);
    co_return;
  }
  if (request->render_only) {
    co_await reply(rendered_prompt(routes, head.model, generation), writer);
    co_return;
  }
  head.logprobs = generation.logprobs;
  if (request->returns_context) {
    head.context = [&service = routes.service, name = model->name,
                    prompt = std::get<ChatPrompt>(generation.prompt)](const std::string& answer) {
      return conversation(service, name, prompt, answer);
    };
  }
  auto stream = routes.service.generate(std::move(generation));
  if (!stream) {
    co_await writer.fail(from_error(stream.error()));
    co_return;
  }
  std::vector<TokenStream> streams;
  streams.push_back(std::move(*stream));
  const ReplyFormat format(std::move(head));
  if (request->stream) {
    StreamEncoder encoder(format);
    co_await stream_reply(std::move(streams), 1, kPromptField, routes.options.keep_alive_interval, encoder,
                          writer);
    co_return;
  }
  const auto answers = co_await collect_reply(std::move(streams), 1, kPromptField, writer);
  if (!answers) co_return;
  HttpResponse response = json_response(format.whole(answers->front()));
  if (const int64_t n = answers->front().end.n_dropped_messages; n > 0) {
    response.headers.emplace_back("X-Context-Truncated", std::to_string(n));
  }
  co_await writer.send(std::move(response));
}

Json embed_json(const std::string& shown_model, const EmbedRequest& request, Collected& found,
                steady_clock::time_point started) {
  std::vector<std::vector<float>>& vectors = found.vectors;
  if (request.dimensions.value_or(0) > 0) {
    for (auto& vector : vectors) shorten(vector, static_cast<size_t>(*request.dimensions));
  }
  if (request.single) return Json{{"embedding", vectors.empty() ? std::vector<float>() : vectors.front()}};
  Json json = Json::object();
  json["model"] = shown_model;
  json["embeddings"] = std::move(vectors);
  json["total_duration"] =
      std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now() - started).count();
  json["load_duration"] = nanoseconds(found.timings.load_ms);
  json["prompt_eval_count"] = found.usage.prompt_tokens;
  if (found.n_dropped_tokens > 0) json["dropped_tokens"] = found.n_dropped_tokens;
  return json;
}

Task<void> embed(const Routes& routes, Parsed<EmbedRequest> (*parse)(std::string_view),
                 const HttpRequest& http, ResponseWriter& writer) {
  const auto started = steady_clock::now();
  Parsed<EmbedRequest> request = parse(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  const Parsed<ModelSummary> model = find_model(routes.service, request->request.model);
  if (!model) {
    co_await writer.fail(model.error());
    co_return;
  }
  writer.notes().model = model->name;
  const std::string shown_model = request->request.model.empty() ? model->name : request->request.model;
  request->request.model = model->name;
  request->request.cache_scope = http.owner;
  const size_t n_inputs = request->request.inputs.size();
  // Without an input the model is loaded, as in the generating routes.
  auto stream = n_inputs == 0 ? routes.service.preload(model->name, request->request.keep_alive)
                              : routes.service.embed(std::move(request->request));
  auto found = co_await wait_for_vectors(std::move(stream), n_inputs, kPromptField, writer);
  if (!found) co_return;
  HttpResponse response = json_response(embed_json(shown_model, *request, *found, started));
  tell_dropped(*found, response);
  co_await writer.send(std::move(response));
}

Parsed<HttpResponse> show(const Routes& routes, const HttpRequest& http) {
  HEARTH_API_TRY(const Json body, read_body(http.body));
  HEARTH_API_TRY(std::string name, read_model(body));
  HEARTH_API_TRY(const ModelSummary model, find_model(routes.service, std::move(name)));
  const auto details = routes.service.describe(model.name);
  if (!details) return tl::unexpected<ApiError>(from_error(details.error()));
  return json_response(show_json(*details));
}

HttpResponse version(const Routes& routes) {
  Json json = Json::object();
  json["version"] = kProtocolVersion;
  json["hearth"] = routes.options.server_version;
  return json_response(json);
}

// Accounts and cloud services, which this server has none of.
void add_cloud_routes(Router& router) {
  const auto fixed = [&](const char* method, const char* path, int status, Json json) {
    HttpResponse response = json_response(json);
    response.status = status;
    router.add(method, path, Scope::kOpen,
               [response](const HttpRequest&, ResponseWriter& writer) { return writer.send(response); });
  };
  const Json none = Json{{"error", "this server has no cloud services"}};
  fixed("GET", "/api/status", 200, Json{{"cloud", Json{{"disabled", true}, {"source", "none"}}}});
  fixed("POST", "/api/me", 401, Json{{"error", "unauthorized"}});
  fixed("POST", "/api/signout", 200, Json::object());
  fixed("DELETE", "/api/user/keys/*", 200, Json::object());
  fixed("POST", "/api/experimental/web_search", 501, none);
  fixed("POST", "/api/experimental/web_fetch", 501, none);
  fixed("GET", "/api/experimental/model-recommendations", 200, Json{{"recommendations", Json::array()}});
}

}  // namespace

void add_ollama_routes(Router& router, serving::GenerationService& service, OllamaOptions options) {
  const auto routes = std::make_shared<const Routes>(Routes{service, std::move(options)});
  router.set_error_format("/api", error_format);
  router.set_dialect("ollama");
  router.add("POST", "/api/generate", Scope::kChat,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return generate(*routes, kGenerate, request, writer);
             });
  router.add("POST", "/api/chat", Scope::kChat, [routes](const HttpRequest& request, ResponseWriter& writer) {
    return generate(*routes, kChat, request, writer);
  });
  router.add("POST", "/api/embed", Scope::kChat,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return embed(*routes, parse_embed_request, request, writer);
             });
  router.add("POST", "/api/embeddings", Scope::kChat,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return embed(*routes, parse_embeddings_request, request, writer);
             });
  router.add("GET", "/api/tags", Scope::kChat, [routes](const HttpRequest&, ResponseWriter& writer) {
    return writer.send(json_response(tags_json(routes->service.list_models())));
  });
  router.add("GET", "/api/ps", Scope::kChat, [routes](const HttpRequest&, ResponseWriter& writer) {
    return writer.send(json_response(ps_json(routes->service.loaded_models(), routes->service.memory())));
  });
  router.add("POST", "/api/show", Scope::kChat, [routes](const HttpRequest& request, ResponseWriter& writer) {
    return reply(show(*routes, request), writer);
  });
  router.add("GET", "/api/version", Scope::kOpen,
             [routes](const HttpRequest&, ResponseWriter& writer) { return writer.send(version(*routes)); });
  add_cloud_routes(router);
}

}  // namespace hearth::api::ollama
