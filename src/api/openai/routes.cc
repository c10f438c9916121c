#include "api/openai/routes.h"

#include <ctime>
#include <memory>

#include "api/error_response.h"
#include "api/event_source.h"
#include "api/openai/chat_request.h"
#include "api/openai/completion_request.h"
#include "api/openai/models.h"
#include "api/openai/reply_format.h"
#include "api/random_id.h"

namespace hearth::api::openai {
namespace {

using serving::GenerationEnd;
using serving::TextDelta;
using std::chrono::steady_clock;

constexpr size_t kWriteAtMost = 16 * 1024;  // events that are there already share a write

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
std::string sse_error(const ApiError& error) {
  return "data: " + error_json(error) + "\n\n";
}

ApiError ending() {
  ApiError error = http_error(503, "the server is shutting down");
  error.code = "overloaded";
  error.retry_after_seconds = 1;
  return error;
}

ApiError dialect_error(const Error& error, const Dialect& dialect) {
  ApiError result = from_error(error);
  if (error.category == ErrorCategory::kContextExceeded) result.param = dialect.prompt_field;
  return result;
}

// The model a request without one means.
Parsed<std::string> only_model(const serving::GenerationService& service) {
  const auto models = service.list_models();
  if (models.size() == 1) return models[0].name;
  std::string names;
  for (const auto& model : models) names += (names.empty() ? "" : ", ") + model.name;
  return refuse("model", models.empty() ? "no model is served" : "is missing; served are: " + names);
}

Parsed<std::vector<serving::TokenStream>> start(const Routes& routes, const Dialect& dialect,
                                                DialectRequest& request) {
  std::vector<serving::TokenStream> streams;
  streams.reserve(request.generations.size());
  for (serving::GenerationRequest& generation : request.generations) {
    auto stream = routes.service.generate(std::move(generation));
    // Streams that have started are cancelled by going out of scope.
    if (!stream) return tl::unexpected<ApiError>(dialect_error(stream.error(), dialect));
    streams.push_back(std::move(*stream));
  }
  return streams;
}

// Choices while they grow, and the usage of all.
class Progress {
 public:
  Progress(size_t n_choices, int64_t n_per_prompt)
      : n_left_(n_choices), n_per_prompt_(static_cast<size_t>(n_per_prompt)) {}

  void add_end(size_t index, const GenerationEnd& end) {
    --n_left_;
    // Choices of one prompt share it.
    if (index % n_per_prompt_ == 0) {
      usage_.prompt_tokens += end.usage.prompt_tokens;
      usage_.cached_tokens += end.usage.cached_tokens;
    }
    usage_.completion_tokens += end.usage.completion_tokens;
  }
  bool done() const { return n_left_ == 0; }
  const serving::Usage& usage() const { return usage_; }

 private:
  size_t n_left_;
  size_t n_per_prompt_;
  serving::Usage usage_;
};

void note(ResponseWriter& writer, const Progress& progress) {
  writer.notes().prompt_tokens = progress.usage().prompt_tokens;
  writer.notes().completion_tokens = progress.usage().completion_tokens;
}

// The events of a streamed reply as the text to send.
class StreamEncoder {
 public:
  StreamEncoder(const ReplyFormat& format, const DialectRequest& request, const Dialect& dialect,
                size_t n_choices)
      : format_(format),
        dialect_(dialect),
        include_usage_(request.reply.include_usage),
        progress_(n_choices, request.reply.n),
        n_bytes_(n_choices) {
    for (size_t i = 0; i < n_choices; ++i) {
      if (const Json opening = format_.opening(i); !opening.is_null()) opening_ += sse(opening);
      if (i < request.echo.size() && !request.echo[i].empty()) {
        TextDelta echo;
        echo.text = request.echo[i];
        opening_ += sse(format_.delta(i, echo, 0));
        n_bytes_[i] = echo.text.size();
      }
    }
  }

  // Role chunks and echoed prompts; once.
  std::string take_opening() { return std::move(opening_); }

  std::string encode(const StreamEvent& event) {
    if (const auto* error = std::get_if<Error>(&event.event)) {
      failed_ = true;
      return sse_error(dialect_error(*error, dialect_));
    }
    if (const auto* delta = std::get_if<TextDelta>(&event.event)) {
      if (delta->text.empty() && delta->tokens.empty()) return {};
      const size_t before = n_bytes_[event.stream];
      n_bytes_[event.stream] += delta->text.size();
      return sse(format_.delta(event.stream, *delta, before));
    }
    const auto& end = std::get<GenerationEnd>(event.event);
    progress_.add_end(event.stream, end);
    std::string text = sse(format_.finish(event.stream, end, n_bytes_.size() == 1));
    if (!progress_.done()) return text;
    if (include_usage_) text += sse(format_.usage(progress_.usage()));
    return text + "data: [DONE]\n\n";
  }

  bool failed() const { return failed_; }
  bool over() const { return failed_ || progress_.done(); }
  const Progress& progress() const { return progress_; }

 private:
  const ReplyFormat& format_;
  const Dialect& dialect_;
  bool include_usage_;
  Progress progress_;
  std::vector<size_t> n_bytes_;
  std::string opening_;
  bool failed_ = false;
};

Task<bool> begin_events(ResponseWriter& writer, std::string opening) {
  HttpResponse head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers.emplace_back("Cache-Control", "no-cache");
  head.headers.emplace_back("X-Accel-Buffering", "no");
  co_await writer.begin_stream(std::move(head));
  co_return co_await writer.write(std::move(opening));
}

// The status line waits for the first event, so that a failure before it has its own status.
Task<void> reply_with_stream(const Routes& routes, const Dialect& dialect, EventSource& events,
                             StreamEncoder& encoder, ResponseWriter& writer) {
  while (!encoder.over()) {
    NextEvent next = co_await events.next(steady_clock::now() + routes.options.keep_alive_interval);
    if (const auto* interruption = std::get_if<Interruption>(&next)) {
      if (*interruption == Interruption::kDisconnected) co_return;
      if (!writer.started()) {
        co_await writer.send(error_response(ending()));
      } else {
        co_await writer.write(sse_error(ending()));
      }
      co_return;
    }
    std::string text;
    if (auto* event = std::get_if<StreamEvent>(&next)) {
      if (const auto* error = std::get_if<Error>(&event->event); error != nullptr && !writer.started()) {
        co_await writer.send(error_response(dialect_error(*error, dialect)));
        co_return;
      }
      text = encoder.encode(*event);
      while (!encoder.over() && text.size() < kWriteAtMost) {
        const std::optional<StreamEvent> more = events.poll();
        if (!more) break;
        text += encoder.encode(*more);
      }
    } else {
      text = ": still working\n\n";
    }
    if (!writer.started()) {
      std::string opening = encoder.take_opening();
      if (!co_await begin_events(writer, opening + text)) co_return;
    } else if (!co_await writer.write(std::move(text))) {
      co_return;
    }
  }
  note(writer, encoder.progress());
  if (!encoder.failed()) co_await writer.finish();  // else the connection ends without the last chunk
}

Task<void> reply_in_one_piece(const Dialect& dialect, const DialectRequest& request, EventSource& events,
                              const ReplyFormat& format, size_t n_choices, ResponseWriter& writer) {
  std::vector<Choice> choices(n_choices);
  for (size_t i = 0; i < request.echo.size() && i < n_choices; ++i) choices[i].text = request.echo[i];
  Progress progress(n_choices, request.reply.n);
  while (!progress.done()) {
    NextEvent next = co_await events.next(steady_clock::time_point::max());
    if (const auto* interruption = std::get_if<Interruption>(&next)) {
      if (*interruption == Interruption::kShutdown) co_await writer.send(error_response(ending()));
      co_return;
    }
    auto* event = std::get_if<StreamEvent>(&next);
    if (event == nullptr) continue;
    if (const auto* error = std::get_if<Error>(&event->event)) {
      co_await writer.send(error_response(dialect_error(*error, dialect)));
      co_return;
    }
    Choice& choice = choices[event->stream];
    if (auto* delta = std::get_if<TextDelta>(&event->event)) {
      choice.text += delta->text;
      std::move(delta->tokens.begin(), delta->tokens.end(), std::back_inserter(choice.tokens));
    } else {
      choice.end = std::get<GenerationEnd>(event->event);
      progress.add_end(event->stream, choice.end);
    }
  }
  note(writer, progress);
  HttpResponse response;
  response.body = dump(format.whole(choices, progress.usage()));
  co_await writer.send(std::move(response));
}

Task<void> generate(const Routes& routes, const Dialect& dialect, const HttpRequest& http,
                    ResponseWriter& writer) {
  Parsed<DialectRequest> request = dialect.parse(http.body);
  if (!request) {
    co_await writer.send(error_response(request.error()));
    co_return;
  }
  ReplyHead head;
  head.model = request->generations.front().model;
  if (head.model.empty()) {
    Parsed<std::string> only = only_model(routes.service);
    if (!only) {
      co_await writer.send(error_response(only.error()));
      co_return;
    }
    head.model = std::move(*only);
    for (serving::GenerationRequest& generation : request->generations) generation.model = head.model;
  }
  writer.notes().model = head.model;
  head.id = random_id(dialect.id_prefix);
  head.created = std::time(nullptr);
  head.system_fingerprint = routes.options.system_fingerprint;
  head.usage_in_chunks = request->reply.stream && request->reply.include_usage;
  head.logprobs = request->generations.front().logprobs;

  Parsed<std::vector<serving::TokenStream>> streams = start(routes, dialect, *request);
  if (!streams) {
    co_await writer.send(error_response(streams.error()));
    co_return;
  }
  const size_t n_choices = streams->size();
  EventSource events(writer, std::move(*streams));
  const std::unique_ptr<ReplyFormat> format = dialect.format(std::move(head));
  if (request->reply.stream) {
    StreamEncoder encoder(*format, *request, dialect, n_choices);
    co_await reply_with_stream(routes, dialect, events, encoder, writer);
  } else {
    co_await reply_in_one_piece(dialect, *request, events, *format, n_choices, writer);
  }
}

}  // namespace

void add_openai_routes(Router& router, serving::GenerationService& service, OpenAiOptions options) {
  const auto routes = std::make_shared<const Routes>(Routes{service, std::move(options)});
  for (const std::string prefix : {"/v1", ""}) {
    router.add("POST", prefix + "/chat/completions",
               [routes](const HttpRequest& request, ResponseWriter& writer) {
                 return generate(*routes, kChat, request, writer);
               });
    router.add("POST", prefix + "/completions", [routes](const HttpRequest& request, ResponseWriter& writer) {
      return generate(*routes, kCompletion, request, writer);
    });
    router.add("GET", prefix + "/models", [routes](const HttpRequest&, ResponseWriter& writer) {
      return writer.send(models_response(routes->service));
    });
    router.add("GET", prefix + "/models/*",
               [routes, prefix](const HttpRequest& request, ResponseWriter& writer) {
                 return writer.send(model_response(routes->service, path_rest(request, prefix + "/models/")));
               });
  }
}

}  // namespace hearth::api::openai
