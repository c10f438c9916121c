#include "api/generation_reply.h"

#include <algorithm>

#include "serving/model_choice.h"

namespace hearth::api {
namespace {

using serving::GenerationEnd;
using std::chrono::steady_clock;

constexpr size_t kWriteAtMost = 16 * 1024;  // events that are there already share a write

ApiError ending() {
  return overloaded("the server is shutting down");
}

// Counts the streams of one reply down and adds their usage up, for the access log too.
class Progress {
 public:
  Progress(size_t n_streams, size_t n_per_prompt) : n_left_(n_streams), total_(n_per_prompt) {}

  void see(const StreamEvent& event, RequestNotes& notes) {
    const auto* end = std::get_if<GenerationEnd>(&event.event);
    if (end == nullptr) return;
    --n_left_;
    total_.add(event.stream, end->usage);
    notes.load_ms = std::max(notes.load_ms, end->timings.load_ms);
    notes.queue_ms = std::max(notes.queue_ms, end->timings.queue_ms);
    notes.prefill_ms = std::max(notes.prefill_ms, end->timings.prefill_ms);
    notes.decode_ms = std::max(notes.decode_ms, end->timings.decode_ms);
    notes.prompt_tokens = total_.usage().prompt_tokens;
    notes.cached_tokens = total_.usage().cached_tokens;
    notes.completion_tokens = total_.usage().completion_tokens;
  }
  bool done() const { return n_left_ == 0; }

 private:
  size_t n_left_;
  UsageTotal total_;
};

}  // namespace

void Answer::add(serving::GenerationEvent event) {
  if (auto* delta = std::get_if<serving::TextDelta>(&event)) {
    text += delta->text;
    std::move(delta->tokens.begin(), delta->tokens.end(), std::back_inserter(tokens));
  } else if (auto* thought = std::get_if<serving::ReasoningDelta>(&event)) {
    reasoning += thought->text;
  } else if (auto* call = std::get_if<serving::ToolCallDelta>(&event)) {
    if (call->index >= calls.size()) calls.resize(call->index + 1);
    Call& known = calls[call->index];
    known.id += call->id;
    known.name += call->name;
    known.arguments += call->arguments;
  } else if (auto* embedding = std::get_if<serving::Embedding>(&event)) {
    embeddings.push_back(std::move(*embedding));
  } else if (auto* last = std::get_if<GenerationEnd>(&event)) {
    end = std::move(*last);
    if (end.reason == serving::FinishReason::kStop) broken_calls_to_text();
  }
}

bool Answer::Call::whole() const {
  return arguments.starts_with('{') && Json::accept(arguments);
}

void Answer::broken_calls_to_text() {
  for (const Call& call : calls) {
    if (!call.whole()) text += fmt::format("{}{} {}", text.empty() ? "" : "\n", call.name, call.arguments);
  }
  std::erase_if(calls, [](const Call& call) { return !call.whole(); });
}

void UsageTotal::add(size_t index, const serving::Usage& usage) {
  if (index % n_per_prompt_ == 0) {
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.cached_tokens += usage.cached_tokens;
  }
  usage_.completion_tokens += usage.completion_tokens;
  usage_.reasoning_tokens += usage.reasoning_tokens;
}

Task<void> stream_reply(std::vector<serving::TokenStream> streams, size_t n_per_prompt,
                        std::string_view prompt_field, std::chrono::milliseconds keep_alive_interval,
                        ReplyEncoder& encoder, ResponseWriter& writer) {
  Progress progress(streams.size(), n_per_prompt);
  EventSource events(writer, std::move(streams));
  bool failed = false;
  while (!failed && !progress.done()) {
    NextEvent next = co_await events.next(steady_clock::now() + keep_alive_interval);
    std::string text;
    std::optional<ApiError> error;
    if (const auto* interruption = std::get_if<Interruption>(&next)) {
      if (*interruption == Interruption::kDisconnected) co_return;
      error = ending();
    } else if (auto* first = std::get_if<StreamEvent>(&next)) {
      std::optional<StreamEvent> event = std::move(*first);
      do {
        if (const auto* failure = std::get_if<Error>(&event->event)) {
          error = from_error(*failure, prompt_field);
          break;
        }
        progress.see(*event, writer.notes());
        text += encoder.encode(*event);
        event = progress.done() || text.size() >= kWriteAtMost ? std::nullopt : events.poll();
      } while (event);
      if (progress.done()) text += encoder.closing();
    } else {
      text = encoder.keep_alive();
      if (text.empty()) continue;
    }
    if (error) {
      failed = true;
      if (!writer.started() && text.empty()) {
        co_await writer.fail(*error);
        co_return;
      }
      text += encoder.failure(*error);
    }
    if (!writer.started()) {
      if (text.empty()) continue;  // an event that this dialect does not show
      HttpResponse head;
      head.content_type = std::string(encoder.content_type());
      head.headers.emplace_back("Cache-Control", "no-cache");
      head.headers.emplace_back("X-Accel-Buffering", "no");
      co_await writer.begin_stream(std::move(head));
      text.insert(0, encoder.opening());
    }
    if (!text.empty() && !co_await writer.write(std::move(text))) co_return;
  }
  // Without finish() the connection ends without the last chunk.
  if (!failed || encoder.failure_ends_stream()) co_await writer.finish();
}

Task<std::optional<std::vector<Answer>>> collect_reply(std::vector<serving::TokenStream> streams,
                                                       size_t n_per_prompt, std::string_view prompt_field,
                                                       ResponseWriter& writer) {
  std::vector<Answer> answers(streams.size());
  Progress progress(streams.size(), n_per_prompt);
  EventSource events(writer, std::move(streams));
  while (!progress.done()) {
    NextEvent next = co_await events.next(steady_clock::time_point::max());
    if (const auto* interruption = std::get_if<Interruption>(&next)) {
      if (*interruption == Interruption::kShutdown) co_await writer.fail(ending());
      co_return std::nullopt;
    }
    auto* event = std::get_if<StreamEvent>(&next);
    if (event == nullptr) continue;
    if (const auto* error = std::get_if<Error>(&event->event)) {
      co_await writer.fail(from_error(*error, prompt_field));
      co_return std::nullopt;
    }
    progress.see(*event, writer.notes());
    answers[event->stream].add(std::move(event->event));
  }
  co_return answers;
}

Parsed<std::string> requested_model(const serving::GenerationService& service, std::string name) {
  if (!name.empty()) return service.resolve(name);
  const auto models = serving::models_to_choose_from(service.list_models());
  if (models.size() == 1) return models[0].name;
  std::string names;
  for (const auto& model : models) names += (names.empty() ? "" : ", ") + model.name;
  return refuse("model", models.empty() ? "no model is served" : "is missing; served are: " + names);
}

Parsed<serving::ModelSummary> find_model(serving::GenerationService& service, std::string name) {
  HEARTH_API_TRY(const std::string wanted, requested_model(service, std::move(name)));
  auto model = service.find(wanted);
  if (!model) return tl::unexpected<ApiError>(from_error(model.error()));
  return std::move(*model);
}

Json capabilities_json(const serving::ModelCapabilities& capabilities) {
  Json list = Json::array();
  if (capabilities.completion) list.push_back("completion");
  if (capabilities.embedding) list.push_back("embedding");
  if (capabilities.tools) list.push_back("tools");
  if (capabilities.thinking) list.push_back("thinking");
  if (capabilities.vision) list.push_back("vision");
  return list;
}

}  // namespace hearth::api
