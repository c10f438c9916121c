#include "api/openai/routes.h"

#include <ctime>
#include <memory>

#include "api/error_response.h"
#include "api/generation_reply.h"
#include "api/openai/chat_request.h"
#include "api/openai/completion_request.h"
#include "api/openai/embeddings.h"
#include "api/openai/reply_format.h"
#include "api/openai/responses/routes.h"
#include "base/random_id.h"

namespace hearth::api::openai {
namespace {

using serving::GenerationEnd;
using serving::TextDelta;

// What differs between the two generating routes.
struct Dialect {
  Parsed<DialectRequest> (*parse)(std::string_view body);
  std::unique_ptr<ReplyFormat> (*format)(ReplyHead head);
  const char* id_prefix;
  const char* prompt_field;
};

constexpr Dialect kChat = {parse_chat_request, ReplyFormat::chat, "chatcmpl-", "messages"};
constexpr Dialect kCompletion = {parse_completion_request, ReplyFormat::completion, "cmpl-", "prompt"};

struct Routes {
  serving::GenerationService& service;
  OpenAiOptions options;
};

std::string sse(const Json& json) {
  return "data: " + dump(json) + "\n\n";
}
Parsed<std::vector<serving::TokenStream>> start(const Routes& routes, const Dialect& dialect,
                                                DialectRequest& request) {
  std::vector<serving::TokenStream> streams;
  streams.reserve(request.generations.size());
  for (serving::GenerationRequest& generation : request.generations) {
    auto stream = routes.service.generate(std::move(generation));
    // Streams that have started are cancelled by going out of scope.
    if (!stream) return tl::unexpected<ApiError>(from_error(stream.error(), dialect.prompt_field));
    streams.push_back(std::move(*stream));
  }
  return streams;
}

// The events of a streamed reply as server-sent events.
class StreamEncoder : public ReplyEncoder {
 public:
  StreamEncoder(const ReplyFormat& format, const DialectRequest& request)
      : format_(format),
        request_(request),
        total_(static_cast<size_t>(request.reply.n)),
        n_bytes_(request.generations.size()) {}

  std::string_view content_type() const override { return "text/event-stream; charset=utf-8"; }

  // Role chunks and echoed prompts.
  std::string opening() override {
    std::string text;
    for (size_t i = 0; i < n_bytes_.size(); ++i) {
      if (const Json opening = format_.opening(i); !opening.is_null()) text += sse(opening);
      if (i < request_.echo.size() && !request_.echo[i].empty()) {
        TextDelta echo;
        echo.text = request_.echo[i];
        text += sse(format_.delta(i, echo, 0));
      }
    }
    return text;
  }

  std::string encode(const StreamEvent& event) override {
    const size_t index = event.stream;
    if (const auto* delta = std::get_if<TextDelta>(&event.event)) {
      if (delta->text.empty() && delta->tokens.empty()) return {};
      const size_t echoed = index < request_.echo.size() ? request_.echo[index].size() : 0;
      const size_t before = echoed + n_bytes_[index];
      n_bytes_[index] += delta->text.size();
      return sse(format_.delta(index, *delta, before));
    }
    if (const auto* thought = std::get_if<serving::ReasoningDelta>(&event.event)) {
      return shown(format_.reasoning(index, *thought));
    }
    if (const auto* call = std::get_if<serving::ToolCallDelta>(&event.event)) {
      return shown(format_.call(index, *call));
    }
    if (const auto* progress = std::get_if<serving::PromptProgress>(&event.event)) {
      return request_.reply.return_progress ? sse(format_.progress(index, *progress)) : std::string();
    }
    const auto* end = std::get_if<GenerationEnd>(&event.event);
    if (end == nullptr) return {};
    total_.add(index, end->usage);
    return sse(format_.finish(index, *end, n_bytes_.size() == 1));
  }

  std::string closing() override {
    const std::string usage = request_.reply.include_usage ? sse(format_.usage(total_.usage())) : "";
    return usage + "data: [DONE]\n\n";
  }
  std::string keep_alive() override { return ": still working\n\n"; }
  std::string failure(const ApiError& error) override { return "data: " + error_json(error) + "\n\n"; }

 private:
  static std::string shown(const Json& json) { return json.is_null() ? std::string() : sse(json); }

  const ReplyFormat& format_;
  const DialectRequest& request_;
  UsageTotal total_;
  std::vector<size_t> n_bytes_;  // of each choice's text so far
};

Task<void> generate(const Routes& routes, const Dialect& dialect, const HttpRequest& http,
                    ResponseWriter& writer) {
  Parsed<DialectRequest> request = dialect.parse(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  ReplyHead head;
  Parsed<std::string> model = requested_model(routes.service, request->generations.front().model);
  if (!model) {
    co_await writer.fail(model.error());
    co_return;
  }
  head.model = std::move(*model);
  for (serving::GenerationRequest& generation : request->generations) {
    generation.model = head.model;
    generation.cache_scope = http.owner;
  }
  writer.notes().model = head.model;
  head.id = random_id(dialect.id_prefix);
  head.created = std::time(nullptr);
  head.system_fingerprint = routes.options.system_fingerprint;
  head.usage_in_chunks = request->reply.stream && request->reply.include_usage;
  head.logprobs = request->generations.front().logprobs;
  head.legacy_functions = request->reply.legacy_functions;
  head.show_reasoning = request->reply.show_reasoning;

  const auto n_per_prompt = static_cast<size_t>(request->reply.n);
  Parsed<std::vector<serving::TokenStream>> streams = start(routes, dialect, *request);
  if (!streams) {
    co_await writer.fail(streams.error());
    co_return;
  }
  const std::unique_ptr<ReplyFormat> format = dialect.format(std::move(head));
  if (request->reply.stream) {
    StreamEncoder encoder(*format, *request);
    co_await stream_reply(std::move(*streams), n_per_prompt, dialect.prompt_field,
                          routes.options.keep_alive_interval, encoder, writer);
    co_return;
  }
  auto answers = co_await collect_reply(std::move(*streams), n_per_prompt, dialect.prompt_field, writer);
  if (!answers) co_return;
  UsageTotal total(n_per_prompt);
  for (size_t i = 0; i < answers->size(); ++i) {
    if (i < request->echo.size()) (*answers)[i].text.insert(0, request->echo[i]);
    total.add(i, (*answers)[i].end.usage);
  }
  HttpResponse response;
  response.body = dump(format->whole(*answers, total.usage()));
  co_await writer.send(std::move(response));
}

}  // namespace

void add_openai_routes(Router& router, serving::GenerationService& service, OpenAiOptions options) {
  responses::add_responses_routes(router, service, options);
  const auto routes = std::make_shared<const Routes>(Routes{service, std::move(options)});
  router.set_dialect("openai");
  for (const std::string prefix : {"/v1", ""}) {
    router.add("POST", prefix + "/chat/completions", Scope::kChat,
               [routes](const HttpRequest& request, ResponseWriter& writer) {
                 return generate(*routes, kChat, request, writer);
               });
    if (!prefix.empty()) {  // without it, llama-server's own route has the path and hands these requests on
      router.add("POST", prefix + "/embeddings", Scope::kChat,
                 [routes](const HttpRequest& request, ResponseWriter& writer) {
                   return reply_with_embeddings(routes->service, request, writer);
                 });
    }
    router.add("POST", prefix + "/completions", Scope::kChat,
               [routes](const HttpRequest& request, ResponseWriter& writer) {
                 return generate(*routes, kCompletion, request, writer);
               });
  }
}

}  // namespace hearth::api::openai
