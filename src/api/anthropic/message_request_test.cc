#include "api/anthropic/message_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serving/text_value.h"

namespace hearth::api::anthropic {
namespace {

using serving::ChatMessage;
using serving::ChatPrompt;
using serving::ToolChoice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

MessageRequest parsed(const std::string& body) {
  auto request = parse_message_request(body);
  EXPECT_TRUE(request) << request.error().message << "\n" << body;
  return request ? std::move(*request) : MessageRequest();
}

const ChatPrompt& prompt_of(const MessageRequest& request) {
  return std::get<ChatPrompt>(request.generation.prompt);
}

// A body whose one further member is `member`.
std::string with(const std::string& member) {
  return R"({"max_tokens":9,"messages":[{"role":"user","content":"hi"}],)" + member + "}";
}

std::string with_messages(const std::string& messages) {
  return R"({"messages":[)" + messages + "]}";
}

// "role: content" of each message, with calls and reasoning.
std::vector<std::string> told(const MessageRequest& request) {
  std::vector<std::string> lines;
  for (const ChatMessage& message : prompt_of(request).messages) {
    std::string line = message.role + ": " + message.content;
    if (!message.reasoning.empty()) line += " {" + message.reasoning + "}";
    for (const serving::ToolCall& call : message.tool_calls) {
      line += " " + call.id + "=" + call.name + serving::to_json(call.arguments);
    }
    if (!message.tool_call_id.empty()) line += " <" + message.tool_call_id + "," + message.name + ">";
    lines.push_back(std::move(line));
  }
  return lines;
}

void expect_refused(const std::string& body, const std::string& field, const std::string& words) {
  const auto request = parse_message_request(body);
  ASSERT_FALSE(request) << body;
  EXPECT_EQ(request.error().status, 400);
  EXPECT_EQ(request.error().param, field);
  EXPECT_THAT(request.error().message, HasSubstr(words)) << body;
}

TEST(MessageRequest, PlainFields) {
  const MessageRequest request = parsed(R"({"model":"m","max_tokens":100,"stream":true,"temperature":0.5,
      "top_p":0.9,"top_k":40,"stop_sequences":["END","\n\n"],"metadata":{"user_id":"u"},"service_tier":"auto",
      "unknown":1,"messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(request.generation.model, "m");
  EXPECT_EQ(request.generation.max_tokens, 100);
  EXPECT_TRUE(request.stream);
  EXPECT_FLOAT_EQ(*request.generation.sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(*request.generation.sampling.top_p, 0.9f);
  EXPECT_EQ(request.generation.sampling.top_k, 40);
  EXPECT_THAT(request.generation.stop, ElementsAre("END", "\n\n"));
  EXPECT_TRUE(request.generation.parallel_tool_calls);
  EXPECT_THAT(told(request), ElementsAre("user: hi"));
  EXPECT_TRUE(prompt_of(request).add_generation_prompt);
}

TEST(MessageRequest, SystemPrompts) {
  EXPECT_THAT(told(parsed(with(R"("system":"Be kind.")"))), ElementsAre("system: Be kind.", "user: hi"));
  EXPECT_THAT(
      told(parsed(with(
          R"("system":[{"type":"text","text":"One.","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Two."}])"))),
      ElementsAre("system: One.\nTwo.", "user: hi"));
  EXPECT_THAT(told(parsed(with(R"("system":"")"))), ElementsAre("user: hi"));
  EXPECT_THAT(
      told(parsed(with_messages(
          R"({"role":"system","content":"a"},{"role":"user","content":"b"},{"role":"system","content":[{"type":"text","text":"c"}]})"))),
      ElementsAre("system: a", "user: b", "system: c"));
  expect_refused(with(R"("system":[{"type":"image"}])"), "system[0].type", "\"image\" is not supported");
}

TEST(MessageRequest, ResultsComeBeforeTheUsersText) {
  const MessageRequest request = parsed(with_messages(R"(
      {"role":"user","content":"weather?"},
      {"role":"assistant","content":[
        {"type":"thinking","thinking":"two cities","signature":"x"},{"type":"redacted_thinking","data":"?"},
        {"type":"text","text":"I look."},
        {"type":"tool_use","id":"t1","name":"weather","input":{"city":"Oslo","n":1}},
        {"type":"tool_use","id":"t2","name":"time","input":{}}]},
      {"role":"user","content":[
        {"type":"text","text":"And be quick."},
        {"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"rain"},{"type":"text","text":"9 C"}]},
        {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":"no clock"}]})"));
  EXPECT_THAT(
      told(request),
      ElementsAre("user: weather?",
                  R"(assistant: I look. {two cities} t1=weather{"city": "Oslo", "n": 1} t2=time{})",
                  "tool: rain\n9 C <t1,weather>", "tool: Error: no clock <t2,time>", "user: And be quick."));
}

TEST(MessageRequest, AUserMessageOfResultsAloneIsThoseResults) {
  EXPECT_THAT(told(parsed(with_messages(
                  R"({"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},
                     {"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]})"))),
              ElementsAre("assistant:  t=f{}", "tool:  <t,f>"));
}

TEST(MessageRequest, MessagesInARowOfOneRoleBecomeOne) {
  EXPECT_THAT(told(parsed(with_messages(
                  R"({"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},
                     {"role":"assistant","content":"c"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]})"))),
              ElementsAre("user: a\nb", "assistant: c t=f{}"));
}

TEST(MessageRequest, DocumentsOfPlainTextAreText) {
  EXPECT_THAT(told(parsed(with_messages(R"({"role":"user","content":[
          {"type":"document","title":"T","context":"C","source":{"type":"text","media_type":"text/plain","data":"D"}},
          {"type":"document","source":{"type":"content","content":[{"type":"text","text":"E"}]}},
          {"type":"search_result","title":"S","source":"http://s","content":[{"type":"text","text":"F"}]}]})"))),
              ElementsAre("user: T\nC\nD\nE\nS\nhttp://s\nF"));
}

TEST(MessageRequest, WhatServersOfOthersDidIsLeftOut) {
  EXPECT_THAT(told(parsed(with_messages(R"({"role":"user","content":"a"},{"role":"assistant","content":[
      {"type":"server_tool_use","id":"s","name":"web_search","input":{}},
      {"type":"web_search_tool_result","tool_use_id":"s","content":[]},{"type":"text","text":"b"}]})"))),
              ElementsAre("user: a", "assistant: b"));
}

TEST(MessageRequest, AnOpenAssistantMessageIsContinued) {
  const auto adds = [](const std::string& messages) {
    return prompt_of(parsed(with_messages(messages))).add_generation_prompt;
  };
  EXPECT_FALSE(adds(R"({"role":"user","content":"a"},{"role":"assistant","content":"The answer is"})"));
  EXPECT_TRUE(adds(
      R"({"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]})"));
}

TEST(MessageRequest, Tools) {
  const MessageRequest request = parsed(with(R"("tools":[
      {"name":"f","description":"d","input_schema":{"type":"object","properties":{"x":{"type":"string"}}},"cache_control":{"type":"ephemeral"},"strict":true},
      {"type":"web_search_20250305","name":"web_search"},{"type":"custom","name":"g"},{"type":"bash_20250124","name":"bash"}])"));
  EXPECT_EQ(
      serving::to_json(prompt_of(request).tools),
      R"([{"type": "function", "function": {"name": "f", "description": "d", "parameters": )"
      R"({"type": "object", "properties": {"x": {"type": "string"}}}}}, )"
      R"({"type": "function", "function": {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}}}])");
  EXPECT_TRUE(
      prompt_of(parsed(with(R"("tools":[{"type":"computer_20250124","name":"c"}])"))).tools.is_none());
}

TEST(MessageRequest, ToolChoice) {
  const auto request = [](const std::string& choice) {
    return parsed(with(R"("tools":[{"name":"f"},{"name":"g"}],"tool_choice":)" + choice)).generation;
  };
  EXPECT_EQ(request(R"({"type":"auto"})").tool_choice.mode, ToolChoice::Mode::kAuto);
  EXPECT_EQ(request(R"({"type":"any"})").tool_choice.mode, ToolChoice::Mode::kRequired);
  EXPECT_TRUE(request(R"({"type":"any"})").tool_choice.names.empty());
  const auto named = request(R"({"type":"tool","name":"g","disable_parallel_tool_use":true})");
  EXPECT_EQ(named.tool_choice.mode, ToolChoice::Mode::kRequired);
  EXPECT_THAT(named.tool_choice.names, ElementsAre("g"));
  EXPECT_FALSE(named.parallel_tool_calls);
  const auto none = request(R"({"type":"none"})");
  EXPECT_EQ(none.tool_choice.mode, ToolChoice::Mode::kNone);
  EXPECT_TRUE(std::get<ChatPrompt>(none.prompt).tools.is_none());
  expect_refused(with(R"("tool_choice":{"type":"any"})"), "tool_choice", "there are no tools");
  expect_refused(with(R"("tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"h"})"), "tool_choice",
                 "\"h\", which is not among the tools");
  expect_refused(with(R"("tool_choice":{"type":"tool"})"), "tool_choice.name", "is missing");
  expect_refused(with(R"("tool_choice":{"type":"maybe"})"), "tool_choice.type", "\"maybe\" is none of");
  expect_refused(with(R"("tool_choice":"any")"), "tool_choice", "must be an object");
}

TEST(MessageRequest, Thinking) {
  EXPECT_EQ(prompt_of(parsed(with(R"("stream":false)"))).thinking, false);
  EXPECT_EQ(prompt_of(parsed(with(R"("thinking":{"type":"disabled"})"))).thinking, false);
  EXPECT_EQ(prompt_of(parsed(with(R"("thinking":{"type":"adaptive"})"))).thinking, true);
  const MessageRequest enabled = parsed(with(R"("thinking":{"type":"enabled","budget_tokens":2048})"));
  EXPECT_EQ(prompt_of(enabled).thinking, true);
  EXPECT_EQ(enabled.generation.thinking_budget, 2048);
  EXPECT_TRUE(enabled.show_thinking);
  EXPECT_FALSE(parsed(with(R"("thinking":{"type":"adaptive","display":"omitted"})")).show_thinking);
  expect_refused(with(R"("thinking":{"type":"enabled"})"), "thinking.budget_tokens", "is missing");
  expect_refused(with(R"("thinking":{"type":"enabled","budget_tokens":0})"), "thinking.budget_tokens",
                 "is 0");
  expect_refused(with(R"("thinking":{"type":"deep"})"), "thinking.type", "\"deep\" is none of");
}

TEST(MessageRequest, OutputConfig) {
  const MessageRequest request = parsed(with(
      R"("output_config":{"effort":"xhigh","format":{"type":"json_schema","schema":{"type":"object"}}})"));
  EXPECT_EQ(prompt_of(request).template_arguments.find("reasoning_effort")->as_string().text, "high");
  EXPECT_EQ(std::get<serving::JsonSchemaFormat>(request.generation.format).schema, R"({"type":"object"})");
  expect_refused(with(R"("output_config":{"format":{"type":"xml"}})"), "output_config.format.type",
                 "\"xml\"");
  expect_refused(with(R"("output_format":{"type":"json_schema"})"), "output_format.schema",
                 "must be an object");
}

TEST(MessageRequest, RefusalsNameTheField) {
  expect_refused("[]", "", "not a JSON object");
  expect_refused("{}", "messages", "at least one message");
  expect_refused(R"({"messages":[]})", "messages", "at least one message");
  expect_refused(with_messages("1"), "messages[0]", "must be an object");
  expect_refused(with_messages(R"({"role":"tool","content":"x"})"), "messages[0].role",
                 "\"tool\" is none of");
  expect_refused(with_messages(R"({"role":"user"})"), "messages[0].content", "is missing");
  expect_refused(with_messages(R"({"role":"user","content":[]})"), "messages[0].content",
                 "at least one block");
  expect_refused(with_messages(R"({"role":"user","content":7})"), "messages[0].content",
                 "must be a string or");
  expect_refused(with_messages(R"({"role":"user","content":["x"]})"), "messages[0].content[0]",
                 "with a type");
  expect_refused(with_messages(R"({"role":"user","content":[{"text":"x"}]})"), "messages[0].content[0].type",
                 "is missing");
  expect_refused(with_messages(R"({"role":"user","content":[{"type":"text","text":1}]})"),
                 "messages[0].content[0].text", "must be a string");
  const std::string image =
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}})";
  expect_refused(with_messages(R"({"role":"user","content":[)" + image + "]}"), "messages[0].content[0].type",
                 "\"image\" is not supported");
  expect_refused(
      with_messages(R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[)" +
                    image + "]}]}"),
      "messages[0].content[0].content[0].type", "\"image\" is not supported");
  expect_refused(
      with_messages(R"({"role":"user","content":[{"type":"document","source":{"type":"base64"}}]})"),
      "messages[0].content[0].source.type", "must be plain text");
  expect_refused(with_messages(R"({"role":"user","content":[{"type":"tool_use","name":"f"}]})"),
                 "messages[0].content[0].type", "\"tool_use\" is not supported here");
  expect_refused(with_messages(R"({"role":"user","content":[{"type":"tool_result"}]})"),
                 "messages[0].content[0].tool_use_id", "is missing");
  expect_refused(
      with_messages(R"({"role":"assistant","content":[{"type":"tool_use","name":"f","input":"x"}]})"),
      "messages[0].content[0].input", "must be an object");
  expect_refused(with(R"("tools":{})"), "tools", "must be a list");
  expect_refused(with(R"("tools":[{"description":"d"}])"), "tools[0].name", "is missing");
  expect_refused(with(R"("tools":[{"name":"f","input_schema":[]}])"), "tools[0].input_schema", "JSON schema");
  expect_refused(with(R"("stop_sequences":[1])"), "stop_sequences", "strings only");
  expect_refused(R"({"max_tokens":"many","messages":[{"role":"user","content":"hi"}]})", "max_tokens",
                 "an integer");
}

}  // namespace
}  // namespace hearth::api::anthropic
