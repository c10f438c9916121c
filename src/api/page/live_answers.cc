#include "api/page/live_answers.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "api/generation_reply.h"
#include "store/chats/chat_json.h"

namespace hearth::api::page {
namespace {

namespace asio = boost::asio;
using serving::FinishReason;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using store::MessageStatus;

constexpr milliseconds kLoadInterval{200};

// Where the ids of a new log begin: one that goes on with the same message, also after a restart, has ids
// beyond those of the last one, as no log has a thousand events a second.
int64_t first_id_now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

double ms_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

std::string_view word_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kLength:
      return "length";
    case FinishReason::kToolCalls:
      return "tool_calls";
    case FinishReason::kStop:
    case FinishReason::kCancelled:
      break;
  }
  return "stop";
}

store::MessageError message_error(const Error& error) {
  const ApiError api = from_error(error);
  if (error.category == ErrorCategory::kContextExceeded) return {"context_exceeded", api.message};
  return {api.code.empty() ? "failed" : api.code, api.message};
}

}  // namespace

// All but the log is for the thread of answers.
struct LiveAnswers::Run {
  Run(asio::thread_pool& thread, std::shared_ptr<AnswerLog> answer_log, serving::TokenStream token_stream)
      : log(std::move(answer_log)),
        stream(std::move(token_stream)),
        earlier(log->message()),
        next_step(thread.get_executor()),
        next_save(thread.get_executor()),
        account(thread.get_executor()),
        next_look(thread.get_executor()) {}

  const std::shared_ptr<AnswerLog> log;
  std::optional<serving::TokenStream> stream;  // empty: has ended
  const store::Message earlier;                // what was there before
  Answer answer;                               // what came
  std::optional<Error> error;
  bool has_end = false;         // the answer's `end` counts
  std::string text, reasoning;  // came, and is not in the log yet

  const steady_clock::time_point started = steady_clock::now();
  std::optional<steady_clock::time_point> first_token, reasoning_began;
  int64_t reasoning_ms = 0;
  steady_clock::time_point last_step, last_save = started;
  asio::steady_timer next_step, next_save, account, next_look;
  std::atomic<bool> awake = false;  // a step is on its way
  bool stopping = false;            // what still comes, but for its end, is no part of it
  bool unsaved = false;
  bool save_planned = false;
  std::atomic<bool> saving = false;

  // Of what has ended.
  MessageStatus outcome() const {
    if (error) {
      return error->category == ErrorCategory::kCancelled ? MessageStatus::kStopped : MessageStatus::kFailed;
    }
    // After a stop also what ended by itself in between lacks its last words.
    return stopping || answer.end.reason == serving::FinishReason::kCancelled ? MessageStatus::kStopped
                                                                              : MessageStatus::kComplete;
  }

  bool has_reasoned() const { return reasoning_began.has_value(); }

  // Pieces of one kind that came in one step are one event.
  void flush() {
    if (!reasoning.empty()) log->add_reasoning(std::exchange(reasoning, {}));
    if (!text.empty()) log->add_text(std::exchange(text, {}));
  }

  store::AnswerText whole_text() const {
    store::AnswerText whole;
    whole.content = earlier.content + answer.text;
    whole.reasoning = earlier.reasoning + answer.reasoning;
    if (has_reasoned()) {
      whole.reasoning_ms = earlier.reasoning_ms.value_or(0) + reasoning_ms;
    } else {
      whole.reasoning_ms = earlier.reasoning_ms;
    }
    whole.tool_calls = earlier.tool_calls;
    for (const Answer::Call& call : answer.calls)
      whole.tool_calls.push_back({call.id, call.name, call.arguments});
    return whole;
  }
};

LiveAnswers::LiveAnswers(serving::GenerationService& service, store::ChatStore& chats, Worker& disk,
                         PageEvents& events, LiveAnswerOptions options)
    : service_(service), chats_(chats), disk_(disk), events_(events), options_(std::move(options)) {}

LiveAnswers::~LiveAnswers() {
  end_all();
  thread_.join();
}

void LiveAnswers::begin(const std::string& owner, store::Message answer, serving::TokenStream stream) {
  auto log = std::make_shared<AnswerLog>(owner, std::move(answer), first_id_now());
  auto run = std::make_shared<Run>(thread_, std::move(log), std::move(stream));
  {
    const std::lock_guard lock(mutex_);
    runs_[run->log->id()] = run;
  }
  asio::post(thread_, [this, run] {
    if (!run->stream) return;  // stopped before it began
    watch_load(run);
    // The run owns the stream, so its notifier must not own the run.
    run->stream->set_notifier([this, weak = std::weak_ptr<Run>(run)] {
      if (const RunPtr live = weak.lock()) wake(live);
    });
  });
}

LiveAnswers::RunPtr LiveAnswers::run_of(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : found->second;
}

std::shared_ptr<AnswerLog> LiveAnswers::find(const std::string& owner, const std::string& id) const {
  const RunPtr run = run_of(id);
  return run && run->log->owner() == owner ? run->log : nullptr;
}

std::vector<std::string> LiveAnswers::running_of_chat(const std::string& chat) const {
  std::vector<std::string> ids;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, run] : runs_) {
    if (run->log->chat() == chat) ids.push_back(id);
  }
  return ids;
}

bool LiveAnswers::empty() const {
  const std::lock_guard lock(mutex_);
  return runs_.empty();
}

// Loading has no events of its own.
void LiveAnswers::watch_load(const RunPtr& run) {
  if (!run->stream || run->first_token) return;
  const std::string& model = run->earlier.model;
  bool loaded = false;
  for (const serving::LoadedModelState& state : service_.loaded_models())
    loaded |= state.summary.name == model;
  run->log->set_state(loaded ? "queued" : "loading");
  run->log->notify();
  if (loaded) return;
  run->next_look.expires_after(kLoadInterval);
  run->next_look.async_wait([this, run](const boost::system::error_code& error) {
    if (!error) watch_load(run);
  });
}

// From any thread.
void LiveAnswers::wake(const RunPtr& run) {
  if (run->awake.exchange(true)) return;
  asio::post(thread_, [this, run] {
    const auto due = run->last_step + options_.step;
    if (steady_clock::now() >= due) return step(run);
    run->next_step.expires_at(due);
    run->next_step.async_wait([this, run](const boost::system::error_code&) { step(run); });
  });
}

void LiveAnswers::step(const RunPtr& run) {
  if (!run->stream) return;
  run->last_step = steady_clock::now();
  run->awake = false;  // before looking: what comes after the look wakes it again
  while (run->stream) {
    std::optional<serving::GenerationEvent> event = run->stream->try_next();
    if (!event) break;
    const bool end = serving::is_end(*event);
    take(*run, std::move(*event));
    if (!end) continue;
    finish(run, run->outcome());
    return;
  }
  run->flush();
  run->log->notify();
  if (run->unsaved) save_later(run);
}

void LiveAnswers::take(Run& run, serving::GenerationEvent event) {
  if (run.stopping && !serving::is_end(event)) return;
  const bool is_thought = std::holds_alternative<serving::ReasoningDelta>(event);
  const bool is_text = std::holds_alternative<serving::TextDelta>(event);
  const bool is_call = std::holds_alternative<serving::ToolCallDelta>(event);
  if (const auto* progress = std::get_if<serving::PromptProgress>(&event)) {
    run.next_look.cancel();
    run.log->set_state("reading");
    run.log->progress(progress->total, progress->cached, progress->processed);
    return;
  }
  if (const auto* error = std::get_if<Error>(&event)) {
    run.error = *error;
    return;
  }
  if (is_thought || is_text || is_call) {
    run.unsaved = true;
    if (!run.first_token) {
      run.first_token = steady_clock::now();
      run.next_look.cancel();
      run.log->set_state("writing");
    }
  }
  if (const auto* thought = std::get_if<serving::ReasoningDelta>(&event)) {
    if (!run.reasoning_began) run.reasoning_began = steady_clock::now();
    run.reasoning_ms = static_cast<int64_t>(ms_since(*run.reasoning_began));
    run.log->set_reasoning_ms(run.earlier.reasoning_ms.value_or(0) + run.reasoning_ms);
    if (!run.text.empty()) run.flush();
    run.reasoning += thought->text;
  } else if (const auto* delta = std::get_if<serving::TextDelta>(&event)) {
    run.text += delta->text;
  } else if (const auto* call = std::get_if<serving::ToolCallDelta>(&event)) {
    run.flush();
    run.log->add_call(run.earlier.tool_calls.size() + call->index, {call->id, call->name, call->arguments});
  } else if (std::holds_alternative<serving::GenerationEnd>(event)) {
    run.has_end = true;
  }
  run.answer.add(std::move(event));
}

void LiveAnswers::save_later(const RunPtr& run) {
  if (run->save_planned) return;
  const auto due = run->last_save + options_.save;
  if (steady_clock::now() >= due) return save(run);
  run->save_planned = true;
  run->next_save.expires_at(due);
  run->next_save.async_wait([this, run](const boost::system::error_code& error) {
    run->save_planned = false;
    if (!error && run->stream) save(run);
  });
}

void LiveAnswers::save(const RunPtr& run) {
  run->last_save = steady_clock::now();
  if (run->saving.exchange(true)) return save_later(run);  // the disk is slow
  run->unsaved = false;
  disk_.post([this, run, text = run->whole_text()] {
    const Status saved = chats_.update_answer(run->log->id(), text);
    run->saving = false;
    if (saved) return;
    if (saved.error().category != ErrorCategory::kNotFound) {
      if (options_.on_problem) options_.on_problem("an answer is not saved: " + saved.error().message);
      return;
    }
    // Somebody has deleted the message.
    asio::post(thread_, [this, run] { finish(run, MessageStatus::kStopped); });
  });
}

void LiveAnswers::finish(const RunPtr& run, MessageStatus status) {
  if (!run->stream) return;
  run->stream.reset();  // cancels it
  run->next_step.cancel();
  run->next_save.cancel();
  run->account.cancel();
  run->next_look.cancel();
  run->flush();
  store::AnswerEnd end;
  end.text = run->whole_text();
  end.status = status;
  if (run->error && status == MessageStatus::kFailed) end.error = message_error(*run->error);
  if (run->has_end) {
    const serving::GenerationEnd& last = run->answer.end;
    if (status == MessageStatus::kComplete) end.finish = word_of(last.reason);
    end.usage = store::MessageUsage{last.usage.prompt_tokens, last.usage.cached_tokens,
                                    last.usage.completion_tokens, last.usage.reasoning_tokens};
    store::MessageTimings timings;
    timings.load_ms = last.timings.load_ms;
    timings.queue_ms = last.timings.queue_ms;
    timings.prefill_ms = last.timings.prefill_ms;
    timings.decode_ms = last.timings.decode_ms;
    if (run->first_token) {
      timings.first_token_ms =
          std::chrono::duration<double, std::milli>(*run->first_token - run->started).count();
    }
    end.timings = timings;
  }
  disk_.post([this, run, end = std::move(end)] { close(run, end); });
}

void LiveAnswers::close(const RunPtr& run, const store::AnswerEnd& end) {
  auto finished = chats_.finish_answer(run->log->id(), end);
  store::Message message = run->log->message();
  if (finished) {
    message = std::move(*finished);
  } else {
    message.content = end.text.content;
    message.reasoning = end.text.reasoning;
    message.status = end.status;
    const bool deleted = finished.error().category == ErrorCategory::kNotFound;
    message.error = deleted ? store::MessageError{"deleted", "the message was deleted"}
                            : store::MessageError{"not_saved", "the end of this answer could not be saved: " +
                                                                   finished.error().message};
    if (!deleted && options_.on_problem) options_.on_problem(message.error->message);
  }
  if (options_.on_end) {
    RequestNotes notes;
    notes.route = "/page/chats/{id}/messages";
    notes.dialect = "page";
    notes.model = message.model;
    if (end.usage) {
      notes.prompt_tokens = end.usage->prompt_tokens;
      notes.cached_tokens = end.usage->cached_tokens;
      notes.completion_tokens = end.usage->completion_tokens;
    }
    if (end.timings) {
      notes.load_ms = end.timings->load_ms;
      notes.queue_ms = end.timings->queue_ms;
      notes.prefill_ms = end.timings->prefill_ms;
      notes.decode_ms = end.timings->decode_ms;
    }
    options_.on_end(message, ms_since(run->started), notes);
  }
  // In this order, so that whoever asks meanwhile finds the answer here or in the store.
  {
    const std::lock_guard lock(mutex_);
    runs_.erase(run->log->id());
  }
  run->log->end(message);
  run->log->notify();
  publish_answer(events_, run->log->owner(), message);
  if (const auto chat = chats_.get(run->log->owner(), message.chat))
    publish_chat(events_, run->log->owner(), *chat);
}

Task<void> LiveAnswers::stop(std::string id) {
  const RunPtr run = run_of(id);
  if (!run) co_return;
  auto end = [](LiveAnswers* self, RunPtr stopped) -> Task<void> {
    self->step(stopped);  // What is there already is a part of it.
    if (!stopped->stream) co_return;
    if (!std::exchange(stopped->stopping, true)) {
      stopped->account.expires_after(self->options_.account);
      stopped->stream->cancel();
    }
    boost::system::error_code ignored;
    co_await stopped->account.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    self->finish(stopped, MessageStatus::kStopped);
  };
  co_await asio::co_spawn(thread_.get_executor(), end(this, run), asio::use_awaitable);
}

void LiveAnswers::end_all() {
  std::vector<RunPtr> runs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, run] : runs_) runs.push_back(run);
  }
  for (const RunPtr& run : runs) {
    asio::post(thread_, asio::use_future([this, run] { finish(run, MessageStatus::kInterrupted); })).wait();
  }
}

void publish_chat(PageEvents& events, const std::string& owner, const store::Chat& chat) {
  events.publish(owner, {"chat", dump(Json{{"chat", store::to_summary_json(chat)}})});
}

void publish_answer(PageEvents& events, const std::string& owner, const store::Message& message) {
  events.publish(owner, {"answer", dump(Json{{"chat", message.chat},
                                             {"message", message.id},
                                             {"status", store::name_of(message.status)}})});
}

}  // namespace hearth::api::page
