#include "app/chat/message_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::app {
namespace {

using ::testing::HasSubstr;

constexpr const char* kChat = R"([
  {"role": "user", "content": [{"type": "text", "text": "Weather "}, {"type": "text", "text": "in Oslo?"}]},
  {"role": "assistant", "content": null, "reasoning_content": "look it up", "tool_calls":
     [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{\"b\": 1, \"a\": [true]}"}}]},
  {"role": "tool", "tool_call_id": "1", "name": "weather", "content": "rain"}])";

TEST(MessageJson, ReadsWhatChatApisSend) {
  const auto messages = messages_from_json(*api::parse_json(kChat));
  ASSERT_TRUE(messages) << messages.error().message;
  ASSERT_EQ(messages->size(), 3U);
  EXPECT_EQ((*messages)[0].content, "Weather in Oslo?");
  EXPECT_EQ((*messages)[1].reasoning, "look it up");
  ASSERT_EQ((*messages)[1].tool_calls.size(), 1U);
  EXPECT_EQ((*messages)[1].tool_calls[0].name, "weather");
  EXPECT_EQ((*messages)[1].tool_calls[0].arguments.as_map()[0].first, "b");
  EXPECT_EQ((*messages)[2].tool_call_id, "1");
}

TEST(MessageJson, WritesWhatItReads) {
  const auto messages = messages_from_json(*api::parse_json(kChat));
  ASSERT_TRUE(messages);
  const api::Json written = messages_to_json(*messages);
  const auto again = messages_from_json(written);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(messages_to_json(*again), written);
}

TEST(MessageJson, ErrorsNameThePlace) {
  const auto problem = [](const char* text) {
    const auto messages = messages_from_json(*api::parse_json(text));
    return messages ? "no error" : messages.error().message;
  };
  EXPECT_EQ(problem("{}"), "messages must be a list");
  EXPECT_EQ(problem("[1]"), "messages[0] must be an object");
  EXPECT_EQ(problem(R"([{"content": "x"}])"), "messages[0].role is missing");
  EXPECT_EQ(problem(R"([{"role": "user"}, {"role": "user", "content": 1}])"),
            "messages[1].content must be a text");
  EXPECT_THAT(problem(R"([{"role": "user", "content": [{"type": "image"}]}])"),
              HasSubstr("messages[0].content[0]"));
  EXPECT_THAT(
      problem(R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}])"),
      HasSubstr("messages[0].tool_calls[0].function.arguments"));
}

}  // namespace
}  // namespace hearth::app
