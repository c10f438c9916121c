// What a client sees of the tokens that an engine draws.
#include "serving/generation_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "serving/tool_names.h"
#include "text/testing/small_vocabulary.h"

namespace hearth::serving {
namespace {

using engine::EndReason;

// A byte-level vocabulary whose reasoning and call markers are tokens.
struct Words {
  Words() : vocabulary("gpt2", "qwen2") {
    vocabulary.add_byte_characters();
    for (const char* marker : {"<think>", "</think>", "<tool_call>", "</tool_call>"})
      vocabulary.user_defined(marker);
    auto created = vocabulary.create();
    EXPECT_TRUE(created) << created.error().message;
    tokenizer = *std::move(created);
    syntax.use_reasoning_of("</think>");
    syntax.use_calls(text::CallNotation::kTaggedJson);
    syntax.bind(*tokenizer);
  }

  text::testing::SmallVocabulary vocabulary;
  std::unique_ptr<text::Tokenizer> tokenizer;
  text::OutputSyntax syntax;
};

SinkOptions chat(const Words& words) {
  SinkOptions options;
  options.syntax = words.syntax;
  options.parser.tool_names = {"f"};
  return options;
}

// Feeds an output token by token; a marker in it is its own token. Stops where the sink says so, else ends
// for `reason`. Returns one line per event, deltas of a kind joined.
std::string play(const Words& words, SinkOptions options, std::string_view output,
                 EndReason reason = EndReason::kStopToken) {
  auto [stream, writer] = TokenStream::create();
  GenerationSink sink(std::move(writer), *words.tokenizer, std::move(options));
  engine::SequenceEnd end;
  end.reason = reason;
  for (const text::TokenId id : words.tokenizer->encode(output)) {
    engine::SampledToken token;
    token.chosen.id = id;
    ++end.sampled_tokens;
    if (sink.on_token(token)) continue;
    end.reason = EndReason::kSinkStopped;
    break;
  }
  sink.on_end(end);

  std::string lines;
  std::string kind;
  const auto show = [&](const std::string& name, const std::string& text, size_t n_tokens) {
    if (kind != name) lines += (kind.empty() ? "" : "\n") + name + ": ";
    kind = name;
    lines += text;
    if (n_tokens > 0) lines += fmt::format("[{}]", n_tokens);
  };
  while (true) {
    GenerationEvent event = stream.next();
    if (auto* text = std::get_if<TextDelta>(&event)) {
      show("text", text->text, text->tokens.size());
    } else if (auto* thought = std::get_if<ReasoningDelta>(&event)) {
      show("reasoning", thought->text, thought->tokens.size());
    } else if (auto* call = std::get_if<ToolCallDelta>(&event)) {
      EXPECT_EQ(call->id.empty(), call->name.empty());
      if (!call->id.empty()) {
        EXPECT_EQ(call->id.size(), 29U) << call->id;
        EXPECT_TRUE(call->id.starts_with("call_"));
      }
      show(fmt::format("call {}", call->index), call->name + call->arguments, 0);
    } else if (auto* last = std::get_if<GenerationEnd>(&event)) {
      static constexpr const char* kReasons[] = {"stop", "length", "tool_calls"};
      return lines + fmt::format("\nend: {} {}/{}", kReasons[static_cast<int>(last->reason)],
                                 last->usage.reasoning_tokens, last->usage.completion_tokens);
    } else {
      return lines + "\nerror";
    }
  }
}

TEST(GenerationSink, TellsReasoningTextAndCallsApart) {
  const Words words;
  EXPECT_EQ(
      play(words, chat(words),
           "<think>\nHm.\n</think>\n\nLook:\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"é\"}}\n"
           "</tool_call>\n<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>"),
      "reasoning: Hm.\ntext: Look:\ncall 0: f{\"a\": \"é\"}\ncall 1: f{}\nend: tool_calls 6/91");
}

// A call that the model does not bring to its end must not look like one.
TEST(GenerationSink, ACallThatBreaksIsNoReasonToEnd) {
  const Words words;
  const std::string begun = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1";
  EXPECT_EQ(play(words, chat(words), begun), "call 0: f{\"a\": 1\nend: stop 0/35");
  EXPECT_EQ(play(words, chat(words), begun, EndReason::kMaxTokens), "call 0: f{\"a\": 1\nend: length 0/35");
  EXPECT_THAT(play(words, chat(words), begun + "]}</tool_call> Sorry."),
              ::testing::AllOf(::testing::StartsWith("call 0: f{\"a\": 1\ntext: "),
                               ::testing::HasSubstr("Sorry."), ::testing::HasSubstr("end: stop")));
}

TEST(GenerationSink, RawOutputIsAllText) {
  const Words words;
  EXPECT_EQ(play(words, {}, "<think>x</think>y"), "text: <think>x</think>y\nend: stop 0/4");
}

TEST(GenerationSink, ReasoningMayHaveBegunInThePrompt) {
  const Words words;
  SinkOptions options = chat(words);
  options.parser.starts_in_reasoning = true;
  EXPECT_EQ(play(words, options, "Hm.</think>\n\nYes"), "reasoning: Hm.\ntext: Yes\nend: stop 4/9");
  EXPECT_EQ(play(words, options, "Hm", EndReason::kMaxTokens), "reasoning: Hm\nend: length 2/2");
}

TEST(GenerationSink, StopStringsApplyToTextOnly) {
  const Words words;
  SinkOptions options = chat(words);
  options.stops = {"END"};
  EXPECT_EQ(play(words, options, "<think>END</think>one END two"),
            "reasoning: END\ntext: one \nend: stop 4/12");
  EXPECT_EQ(
      play(words, options, "EN<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"END\"}}</tool_call>D"),
      "text: EN\ncall 0: f{\"a\": \"END\"}\ntext: D\nend: tool_calls 0/45");
}

TEST(GenerationSink, OneCallAtATimeEndsTheAnswer) {
  const Words words;
  SinkOptions options = chat(words);
  options.parallel_tool_calls = false;
  options.logprobs = true;
  EXPECT_EQ(play(words, options, "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>more"),
            "call 0: f{}\nend: tool_calls 0/30");
}

TEST(GenerationSink, ACutCallEndsByLength) {
  const Words words;
  EXPECT_EQ(play(words, chat(words), "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"ha",
                 EndReason::kMaxTokens),
            "call 0: f{\"a\": \"ha\nend: length 0/37");
}

TEST(GenerationSink, WhatIsNoCallIsText) {
  const Words words;
  const std::string output = "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>";
  EXPECT_THAT(play(words, chat(words), output), testing::StartsWith("text: " + output + "\nend: stop"));
}

TEST(GenerationSink, LogprobsGoWithTheirText) {
  const Words words;
  SinkOptions options = chat(words);
  options.logprobs = true;
  EXPECT_EQ(
      play(words, options, "<think>a\n</think>bé<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>"),
      "reasoning: a[1]\ntext: b[1]é[2]\ncall 0: f{}\nend: tool_calls 3/39");
  options.stops = {"END"};
  EXPECT_EQ(play(words, options, "aENb"), "text: a[1]ENb[3]\nend: stop 0/4");
}

TEST(CallableTools, AreThoseOfferedAndAllowed) {
  using text::Value;
  ChatPrompt prompt;
  EXPECT_TRUE(callable_tools(prompt, {}).empty());
  prompt.tools = Value::list({Value::map({{"type", "function"}, {"function", Value::map({{"name", "f"}})}}),
                              Value::map({{"name", "g"}}), Value("odd")});
  EXPECT_THAT(callable_tools(prompt, {}), testing::ElementsAre("f", "g"));
  EXPECT_THAT(callable_tools(prompt, {ToolChoice::Mode::kAuto, {"g", "h"}}), testing::ElementsAre("g"));
  EXPECT_TRUE(callable_tools(prompt, {ToolChoice::Mode::kNone, {}}).empty());
}

TEST(GenerationSink, OneThatItsConsumerCancelledSaysWhatItTook) {
  const Words words;
  const auto end_of = [&](bool cancel, ErrorCategory category) {
    auto [stream, writer] = TokenStream::create();
    GenerationSink sink(std::move(writer), *words.tokenizer, chat(words));
    if (cancel) stream.cancel();
    engine::SequenceEnd end;
    end.error = Error{category, "ended"};
    end.prompt_tokens = 7;
    end.sampled_tokens = 2;
    end.decode_ms = 3;
    sink.on_end(end);
    return stream.next();
  };
  const auto cancelled = end_of(true, ErrorCategory::kCancelled);
  ASSERT_TRUE(std::holds_alternative<GenerationEnd>(cancelled));
  const auto& end = std::get<GenerationEnd>(cancelled);
  EXPECT_EQ(end.reason, FinishReason::kCancelled);
  EXPECT_EQ(end.usage.prompt_tokens, 7);
  EXPECT_EQ(end.usage.completion_tokens, 2);
  EXPECT_EQ(end.timings.decode_ms, 3);
  // A model that was unloaded, and a failure while somebody cancels, stay errors.
  EXPECT_TRUE(std::holds_alternative<Error>(end_of(false, ErrorCategory::kCancelled)));
  EXPECT_TRUE(std::holds_alternative<Error>(end_of(true, ErrorCategory::kInternal)));
}

}  // namespace
}  // namespace hearth::serving
