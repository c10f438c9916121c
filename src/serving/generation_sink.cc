#include "serving/generation_sink.h"

#include <limits>
#include <utility>

#include "base/random_id.h"

namespace hearth::serving {

using text::OutputEvent;

GenerationSink::GenerationSink(TokenWriter writer, const text::Tokenizer& tokenizer, SinkOptions options)
    : writer_(std::move(writer)),
      tokenizer_(tokenizer),
      decoder_(tokenizer),
      parser_(options.syntax, std::move(options.parser)),
      stops_(std::move(options.stops)),
      logprobs_(options.logprobs),
      parallel_tool_calls_(options.parallel_tool_calls) {
  if (options.unscored) {
    on_given({.chosen = {*options.unscored, std::numeric_limits<float>::quiet_NaN()}, .top = {}});
  }
}

TextDelta::Token GenerationSink::describe(const engine::SampledToken& token) const {
  const auto describe_one = [&](const engine::TokenLogit& logit) {
    return TokenLogprob{tokenizer_.piece(logit.id, true), logit.id, logit.logprob};
  };
  TextDelta::Token described{describe_one(token.chosen), {}};
  for (const engine::TokenLogit& alternative : token.top) described.top.push_back(describe_one(alternative));
  return described;
}

void GenerationSink::on_progress(const engine::ReadProgress& now) {
  writer_.push(PromptProgress{
      .total = now.n_total, .cached = now.n_cached, .processed = now.n_read, .elapsed_ms = now.elapsed_ms});
}

// Text that came with the request: no markers, no stop strings.
void GenerationSink::on_given(const engine::SampledToken& token) {
  writer_.push(TextDelta{decoder_.push(token.chosen.id), {describe(token)}});
}

bool GenerationSink::on_token(const engine::SampledToken& token) {
  const text::TokenId id = token.chosen.id;
  const bool reasons = parser_.in_reasoning();
  if (reasons) ++reasoning_tokens_;
  if (const auto marker = parser_.syntax().marker_of(id)) {
    decoder_.finish();
    parser_.push(*marker);
  } else {
    if (logprobs_) waiting_.push_back(describe(token));
    parser_.push(decoder_.push(id));
  }
  const bool goes_on = deliver();
  if (parser_.in_reasoning() != reasons) waiting_.clear();  // of line breaks around the reasoning
  return goes_on;
}

void GenerationSink::flush_text() {
  std::string text = stops_.finish();
  if (!text.empty()) writer_.push(TextDelta{std::move(text), std::exchange(waiting_, {})});
}

bool GenerationSink::deliver_text(const std::string& text) {
  StopMatcher::Result result = stops_.push(text);
  if (!result.text.empty()) writer_.push(TextDelta{std::move(result.text), std::exchange(waiting_, {})});
  matched_stop_ = std::move(result.stop);
  return !result.stopped;
}

// Tokens of calls and of markers have no log-probabilities to report.
bool GenerationSink::deliver() {
  for (OutputEvent& event : parser_.take()) {
    if (event.kind != OutputEvent::Kind::kText) flush_text();
    const bool of_call =
        event.kind == OutputEvent::Kind::kCallArguments || event.kind == OutputEvent::Kind::kCallEnd;
    if (!of_call && std::exchange(in_call_, false)) broke_call_ = true;
    switch (event.kind) {
      case OutputEvent::Kind::kText:
        if (!deliver_text(event.text)) return false;
        break;
      case OutputEvent::Kind::kReasoning:
        writer_.push(ReasoningDelta{std::move(event.text), std::exchange(waiting_, {})});
        break;
      case OutputEvent::Kind::kCallBegin:
        in_call_ = true;
        writer_.push(ToolCallDelta{
            .index = n_calls_++, .id = random_id("call_"), .name = std::move(event.text), .arguments = {}});
        break;
      case OutputEvent::Kind::kCallArguments:
        writer_.push(
            ToolCallDelta{.index = n_calls_ - 1, .id = {}, .name = {}, .arguments = std::move(event.text)});
        break;
      case OutputEvent::Kind::kCallEnd:
        in_call_ = false;
        waiting_.clear();
        if (!parallel_tool_calls_) return false;
        break;
    }
  }
  if (parser_.in_call()) waiting_.clear();
  return true;
}

void GenerationSink::on_end(const engine::SequenceEnd& end) {
  const bool cancelled = end.reason == engine::EndReason::kFailed && writer_.cancelled() &&
                         end.error->category == ErrorCategory::kCancelled;
  if (end.reason == engine::EndReason::kFailed && !cancelled) return writer_.push(*end.error);
  const bool cut =
      end.reason == engine::EndReason::kMaxTokens || end.reason == engine::EndReason::kContextFull;
  if (end.reason != engine::EndReason::kSinkStopped && !cancelled) {
    decoder_.finish();
    parser_.finish();
    if (deliver()) flush_text();
  }
  if (!waiting_.empty()) writer_.push(TextDelta{{}, std::exchange(waiting_, {})});
  writer_.push(GenerationEnd{.reason = cancelled                                   ? FinishReason::kCancelled
                                       : cut && matched_stop_.empty()              ? FinishReason::kLength
                                       : n_calls_ > 0 && !in_call_ && !broke_call_ ? FinishReason::kToolCalls
                                                                                   : FinishReason::kStop,
                             .stop_string = matched_stop_,
                             .usage = {.prompt_tokens = end.prompt_tokens,
                                       .cached_tokens = end.cached_tokens,
                                       .completion_tokens = end.sampled_tokens,
                                       .reasoning_tokens = reasoning_tokens_},
                             .timings = {.queue_ms = end.queue_ms,
                                         .prefill_ms = end.prefill_ms,
                                         .decode_ms = end.decode_ms,
                                         .drafted_tokens = end.drafted_tokens,
                                         .accepted_tokens = end.accepted_tokens}});
}

}  // namespace hearth::serving
