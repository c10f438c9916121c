#include "app/chat/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace hearth::app {
namespace {

using serving::GenerationEnd;
using serving::TextDelta;
using serving::TokenStream;

TextDelta delta(std::string text) {
  TextDelta result;
  result.text = std::move(text);
  return result;
}

TEST(TakeAnswer, CollectsTextUntilTheEnd) {
  auto [stream, writer] = TokenStream::create();
  std::thread producer([writer = std::move(writer)]() mutable {
    writer.push(delta("one "));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    writer.push(delta("two"));
    writer.push(GenerationEnd{});
  });
  std::string seen;
  int waits = 0;
  AnswerWatcher watcher;
  watcher.on_text = [&](std::string_view text) { seen += text; };
  watcher.on_waiting = [&](double) { ++waits; };
  const Answer answer = take_answer(std::move(stream), watcher);
  producer.join();
  EXPECT_EQ(answer.text, "one two");
  EXPECT_EQ(seen, "one two");
  EXPECT_TRUE(answer.end.has_value());
  EXPECT_FALSE(answer.error.has_value());
  EXPECT_FALSE(answer.stopped);
}

TEST(TakeAnswer, ReasoningIsKeptApart) {
  auto [stream, writer] = TokenStream::create();
  writer.push(serving::ReasoningDelta{"hm", {}});
  writer.push(delta("yes"));
  writer.push(GenerationEnd{});
  std::string thoughts;
  AnswerWatcher watcher;
  watcher.on_text = [](std::string_view) {};
  watcher.on_reasoning = [&](std::string_view text) { thoughts += text; };
  const Answer answer = take_answer(std::move(stream), watcher);
  EXPECT_EQ(answer.reasoning, "hm");
  EXPECT_EQ(answer.text, "yes");
  EXPECT_EQ(thoughts, "hm");
}

TEST(TakeAnswer, CancelsWhenAskedTo) {
  auto [stream, writer] = TokenStream::create();
  std::thread producer([writer = std::move(writer)]() mutable {
    writer.push(delta("part"));
    while (!writer.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    writer.push(delta(" nobody saw"));
    GenerationEnd end;
    end.reason = serving::FinishReason::kCancelled;
    end.usage.completion_tokens = 2;
    writer.push(end);
  });
  std::string seen;
  AnswerWatcher watcher;
  watcher.on_text = [&](std::string_view text) { seen += text; };
  watcher.wants_stop = [&] { return !seen.empty(); };
  const Answer answer = take_answer(std::move(stream), watcher);
  producer.join();
  EXPECT_TRUE(answer.stopped);
  EXPECT_EQ(answer.text, "part");
  ASSERT_TRUE(answer.end.has_value());
  EXPECT_EQ(answer.end->usage.completion_tokens, 2);
}

TEST(TimingLine, CountsOnlyWhatWasComputed) {
  GenerationEnd end;
  end.usage = {.prompt_tokens = 30, .cached_tokens = 10, .completion_tokens = 5};
  end.timings = {.queue_ms = 0, .prefill_ms = 1000, .decode_ms = 500};
  EXPECT_EQ(
      timing_line(end),
      "prompt 30 tokens (10 reused) in 1.00 s, 20.0 tokens/s; answer 5 tokens in 0.50 s, 10.0 tokens/s");
  end.timings.drafted_tokens = 4;
  end.timings.accepted_tokens = 3;
  EXPECT_THAT(timing_line(end), testing::EndsWith("10.0 tokens/s; 3 of 4 drafted tokens were right"));
}

}  // namespace
}  // namespace hearth::app
