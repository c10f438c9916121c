#include "serving/generation_sink.h"

namespace hearth::serving {

GenerationSink::GenerationSink(TokenWriter writer, const text::Tokenizer& tokenizer,
                               std::vector<std::string> stops, bool logprobs)
    : writer_(std::move(writer)),
      tokenizer_(tokenizer),
      decoder_(tokenizer),
      stops_(std::move(stops)),
      logprobs_(logprobs) {}

TextDelta::Token GenerationSink::describe(const engine::SampledToken& token) const {
  const auto describe_one = [&](const engine::TokenLogit& logit) {
    return TokenLogprob{tokenizer_.piece(logit.id, true), logit.id, logit.logprob};
  };
  TextDelta::Token described{describe_one(token.chosen), {}};
  for (const engine::TokenLogit& alternative : token.top) described.top.push_back(describe_one(alternative));
  return described;
}

bool GenerationSink::on_token(const engine::SampledToken& token) {
  StopMatcher::Result result = stops_.push(decoder_.push(token.chosen.id));
  TextDelta delta{std::move(result.text), {}};
  if (logprobs_) delta.tokens.push_back(describe(token));
  if (!delta.text.empty() || !delta.tokens.empty()) writer_.push(std::move(delta));
  if (!result.stopped) return true;
  matched_stop_ = std::move(result.stop);
  return false;
}

void GenerationSink::on_end(const engine::SequenceEnd& end) {
  if (end.reason == engine::EndReason::kFailed) return writer_.push(*end.error);
  if (end.reason != engine::EndReason::kSinkStopped) {
    StopMatcher::Result last = stops_.push(decoder_.finish());
    std::string text = std::move(last.text) + (last.stopped ? "" : stops_.finish());
    matched_stop_ = std::move(last.stop);
    if (!text.empty()) writer_.push(TextDelta{std::move(text), {}});
  }
  const bool cut = matched_stop_.empty() && (end.reason == engine::EndReason::kMaxTokens ||
                                             end.reason == engine::EndReason::kContextFull);
  writer_.push(GenerationEnd{.reason = cut ? FinishReason::kLength : FinishReason::kStop,
                             .stop_string = matched_stop_,
                             .usage = {.prompt_tokens = end.prompt_tokens,
                                       .cached_tokens = 0,
                                       .completion_tokens = end.sampled_tokens},
                             .timings = {.queue_ms = end.queue_ms,
                                         .prefill_ms = end.prefill_ms,
                                         .decode_ms = end.decode_ms,
                                         .drafted_tokens = end.drafted_tokens,
                                         .accepted_tokens = end.accepted_tokens}});
}

}  // namespace hearth::serving
