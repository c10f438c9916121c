#include "api/openai/responses/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::api::openai::responses {
namespace {

using serving::ChatMessage;
using serving::ChatPrompt;
using serving::ToolChoice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string with(std::string_view members) {
  return fmt::format(R"({{"input":"hi",{}}})", members);
}

ResponsesRequest accepted(const std::string& body, std::vector<Json> earlier = {}) {
  auto parsed = parse_responses_request(body);
  EXPECT_TRUE(parsed) << body.substr(0, 300) << ": " << parsed.error().message;
  if (!parsed) return {};
  const auto added = add_conversation(*parsed, std::move(earlier));
  EXPECT_TRUE(added) << body.substr(0, 300) << ": " << added.error().message;
  return std::move(*parsed);
}

const ChatPrompt& prompt(const ResponsesRequest& request) {
  return std::get<ChatPrompt>(request.generation.prompt);
}

// "role: content [reasoning] name(id)" of each message.
std::vector<std::string> messages(const ResponsesRequest& request) {
  std::vector<std::string> shown;
  for (const ChatMessage& message : prompt(request).messages) {
    std::string text = message.role + ": " + message.content;
    if (!message.reasoning.empty()) text += " [" + message.reasoning + "]";
    for (const auto& call : message.tool_calls) text += fmt::format(" {}({})", call.name, call.id);
    if (!message.tool_call_id.empty()) text += fmt::format(" <- {}({})", message.name, message.tool_call_id);
    shown.push_back(std::move(text));
  }
  return shown;
}

// The field an error names; "accepted" when there is none.
std::string refused_field(const std::string& body) {
  auto parsed = parse_responses_request(body);
  if (!parsed) return parsed.error().param;
  const auto added = add_conversation(*parsed, {});
  return added ? "accepted" : added.error().param;
}

TEST(ResponsesRequestTest, TextIsAUserMessage) {
  const ResponsesRequest request = accepted(R"({"model":"m","input":"hi","instructions":"Be brief."})");
  EXPECT_EQ(request.generation.model, "m");
  EXPECT_THAT(messages(request), ElementsAre("system: Be brief.", "user: hi"));
  EXPECT_TRUE(prompt(request).add_generation_prompt);
  EXPECT_FALSE(request.stream);
  EXPECT_TRUE(request.store);
  ASSERT_EQ(request.input.size(), 1U);
  EXPECT_THAT(request.input[0]["id"], StartsWith("msg_"));
  EXPECT_EQ(request.input[0]["type"], "message");
  EXPECT_EQ(request.input[0]["content"], Json::parse(R"([{"type":"input_text","text":"hi"}])"));
}

TEST(ResponsesRequestTest, ItemsMakeAConversation) {
  const ResponsesRequest request = accepted(R"({"instructions":"One.","input":[
      {"role":"developer","content":"Two."},
      {"type":"message","role":"user","content":[{"type":"input_text","text":"what "},{"type":"input_text","text":"now"}]},
      {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"hmm"},
      {"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Look:"}]},
      {"type":"function_call","call_id":"c1","name":"look","arguments":"{\"at\":1}"},
      {"type":"function_call","call_id":"c2","name":"hear","arguments":""},
      {"type":"web_search_call","id":"ws_1","status":"completed"},
      {"type":"function_call_output","call_id":"c1","output":"a cat"},
      {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"purr"}]},
      {"type":"reasoning","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}]},
      {"type":"custom_tool_call","call_id":"c3","name":"run","input":"ls"},
      {"type":"custom_tool_call_output","call_id":"c3","output":"ok"},
      {"role":"user","content":"and?"}]})");
  EXPECT_THAT(
      messages(request),
      ElementsAre("system: One.\n\nTwo.", "user: what now", "assistant: Look: [hmm] look(c1) hear(c2)",
                  "tool: a cat <- look(c1)", "tool: purr <- hear(c2)", "assistant:  [a\n\nb] run(c3)",
                  "tool: ok <- run(c3)", "user: and?"));
  const auto& calls = prompt(request).messages[2].tool_calls;
  EXPECT_EQ(calls[0].arguments.find("at")->as_integer(), 1);
  const auto& run = prompt(request).messages[5].tool_calls[0];
  EXPECT_EQ(run.arguments.find(kCustomArgument)->as_string().text, "ls");
}

TEST(ResponsesRequestTest, EarlierItemsComeBetweenInstructionsAndInput) {
  const std::vector<Json> earlier = {
      Json::parse(R"({"type":"message","role":"user","content":[{"type":"input_text","text":"first"}]})"),
      Json::parse(
          R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"yes"}]})")};
  const ResponsesRequest request =
      accepted(R"({"instructions":"Be brief.","previous_response_id":"resp_1","input":"second"})", earlier);
  EXPECT_EQ(request.previous_response_id, "resp_1");
  EXPECT_THAT(messages(request),
              ElementsAre("system: Be brief.", "user: first", "assistant: yes", "user: second"));
}

TEST(ResponsesRequestTest, AReferenceIsNoItemYet) {
  const ResponsesRequest request = accepted(R"({"input":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(referenced_id(request.input[0]), "");
  const auto parsed =
      parse_responses_request(R"({"input":[{"id":"msg_7"},{"type":"item_reference","id":"rs_7"}]})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(referenced_id(parsed->input[0]), "msg_7");
  EXPECT_EQ(referenced_id(parsed->input[1]), "rs_7");
}

TEST(ResponsesRequestTest, FunctionsAreFlat) {
  const ResponsesRequest request = accepted(with(
      R"("tools":[{"type":"function","name":"look","description":"d","strict":null,"parameters":{"type":"object","properties":{"at":{"type":"integer"}}}},
                  {"type":"web_search"},{"type":"function","name":"rest"}],"tool_choice":"required","parallel_tool_calls":false)"));
  const auto& tools = prompt(request).tools.as_list();
  ASSERT_EQ(tools.size(), 2U);
  const text::Value* function = tools[0].find("function");
  EXPECT_EQ(function->find("name")->as_string().text, "look");
  EXPECT_EQ(function->find("strict"), nullptr);
  EXPECT_NE(function->find("parameters")->find("properties")->find("at"), nullptr);
  EXPECT_NE(tools[1].find("function")->find("parameters"), nullptr);
  EXPECT_EQ(request.generation.tool_choice.mode, ToolChoice::Mode::kRequired);
  EXPECT_FALSE(request.generation.parallel_tool_calls);
  EXPECT_EQ(request.repeated["tools"].size(), 2U) << "what is left out is not repeated";
}

TEST(ResponsesRequestTest, OtherToolsAreFunctionsToTheModel) {
  const ResponsesRequest request = accepted(with(
      R"("tools":[{"type":"function","name":"look"},
                  {"type":"namespace","name":"files","tools":[{"type":"function","name":"read"},{"type":"function","name":"look"}]},
                  {"type":"custom","name":"patch","description":"Edits.","format":{"type":"grammar","syntax":"lark","definition":"start: X"}}],
         "tool_choice":{"type":"custom","name":"patch"})"));
  std::vector<std::string> names;
  for (const auto& tool : prompt(request).tools.as_list()) {
    names.push_back(tool.find("function")->find("name")->as_string().text);
  }
  EXPECT_THAT(names, ElementsAre("look", "read", "files__look", "patch"));
  const auto& tools = request.tools.by_function;
  EXPECT_EQ(tools.at("files__look").name, "look");
  EXPECT_EQ(tools.at("files__look").name_space, "files");
  EXPECT_EQ(tools.at("read").name_space, "files");
  EXPECT_TRUE(tools.at("patch").custom);
  EXPECT_EQ(request.tools.function_of("files", "look"), "files__look");
  EXPECT_EQ(request.tools.function_of("files", "read"), "read");
  EXPECT_THAT(request.generation.tool_choice.names, ElementsAre("patch"));
  const text::Value* patch = prompt(request).tools.as_list()[3].find("function");
  const text::Value* input = patch->find("parameters")->find("properties")->find(kCustomArgument);
  EXPECT_EQ(input->find("type")->as_string().text, "string");
  EXPECT_THAT(input->find("description")->as_string().text, HasSubstr("start: X"));
}

TEST(ResponsesRequestTest, NoToolsWhereNoneMayBeCalled) {
  const ResponsesRequest request =
      accepted(with(R"("tools":[{"type":"function","name":"look"}],"tool_choice":"none")"));
  EXPECT_TRUE(prompt(request).tools.is_none());
}

TEST(ResponsesRequestTest, OptionsReachTheGeneration) {
  const ResponsesRequest request = accepted(with(
      R"("max_output_tokens":7,"temperature":0.5,"top_p":0.9,"truncation":"auto","top_logprobs":3,"stream":true,"store":false,
         "reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content","something.new"],
         "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},
         "metadata":{"a":"b"},"user":"u","service_tier":"flex","prompt_cache_key":"k")"));
  EXPECT_EQ(request.generation.max_tokens, 7);
  EXPECT_TRUE(request.generation.truncate);
  EXPECT_TRUE(request.generation.logprobs);
  EXPECT_EQ(request.generation.top_logprobs, 3);
  EXPECT_TRUE(request.stream);
  EXPECT_FALSE(request.store);
  EXPECT_TRUE(request.encrypted_reasoning);
  EXPECT_EQ(prompt(request).thinking, true);
  EXPECT_EQ(std::get<serving::JsonSchemaFormat>(request.generation.format).schema, R"({"type":"object"})");
  EXPECT_EQ(request.repeated["metadata"], Json::parse(R"({"a":"b"})"));
  EXPECT_EQ(request.repeated["reasoning"], Json::parse(R"({"effort":"low","summary":"auto"})"));
  EXPECT_EQ(request.repeated["text"]["format"]["name"], "n");
  EXPECT_EQ(request.repeated["truncation"], "auto");
  EXPECT_EQ(request.repeated["user"], "u");
  EXPECT_TRUE(std::holds_alternative<serving::JsonObjectFormat>(
      accepted(with(R"("text":{"format":{"type":"json_object"}})")).generation.format));
  EXPECT_TRUE(accepted(with(R"("include":["message.output_text.logprobs"])")).generation.logprobs);
}

TEST(ResponsesRequestTest, NullCountsAsAbsent) {
  const ResponsesRequest request = accepted(with(
      R"("tools":null,"tool_choice":null,"text":null,"reasoning":null,"include":null,"metadata":null,"store":null,
              "background":null,"conversation":null,"truncation":null,"max_output_tokens":null,"previous_response_id":null)"));
  EXPECT_TRUE(request.store);
  EXPECT_THAT(request.previous_response_id, IsEmpty());
  EXPECT_TRUE(request.repeated["max_output_tokens"].is_null());
  EXPECT_EQ(request.repeated["tool_choice"], "auto");
  EXPECT_EQ(request.repeated["text"], Json::parse(R"({"format":{"type":"text"}})"));
}

TEST(ResponsesRequestTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(refused_field("{}"), "input");
  EXPECT_EQ(refused_field(R"({"input":[]})"), "input");
  EXPECT_EQ(refused_field(R"({"input":7})"), "input");
  EXPECT_EQ(refused_field(R"({"input":["x"]})"), "input[0]");
  EXPECT_EQ(refused_field(R"({"input":[{"role":"king","content":"x"}]})"), "input[0].role");
  EXPECT_EQ(refused_field(R"({"input":[{"role":"user"}]})"), "input[0].content");
  EXPECT_EQ(
      refused_field(R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]})"),
      "input[0].content[0].type");
  EXPECT_EQ(refused_field(R"({"input":[{"type":"telepathy"}]})"), "input[0].type");
  EXPECT_EQ(refused_field(R"({"input":[{"type":"item_reference"}]})"), "input[0].id");
  EXPECT_EQ(refused_field(R"({"input":[{"type":"function_call","name":"f","arguments":"{}"}]})"),
            "input[0].call_id");
  EXPECT_EQ(refused_field(R"({"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{"}]})"),
            "input[0].arguments");
  EXPECT_EQ(refused_field(R"({"input":[{"type":"function_call_output","call_id":"c"}]})"), "input[0].output");
  EXPECT_EQ(refused_field(with(R"("background":true)")), "background");
  EXPECT_EQ(refused_field(with(R"("conversation":"conv_1")")), "conversation");
  EXPECT_EQ(refused_field(with(R"("prompt":{"id":"p"})")), "prompt");
  EXPECT_EQ(refused_field(with(R"("max_output_tokens":0)")), "max_output_tokens");
  EXPECT_EQ(refused_field(with(R"("top_logprobs":21)")), "top_logprobs");
  EXPECT_EQ(refused_field(with(R"("truncation":"some")")), "truncation");
  EXPECT_EQ(refused_field(with(R"("text":{"format":{"type":"xml"}})")), "text.format");
  EXPECT_EQ(refused_field(with(R"("text":{"format":{"type":"json_schema","name":"n"}})")),
            "text.format.schema");
  EXPECT_EQ(refused_field(with(R"("metadata":[])")), "metadata");
  EXPECT_EQ(refused_field(with(R"("tools":[{"name":"f"}])")), "tools[0].type");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"function"}])")), "tools[0].name");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"function","name":"f"},{"type":"function","name":"f"}])")),
            "tools[1].name");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"namespace","name":"n"}])")), "tools[0].tools");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"web_search"}],"tool_choice":"required")")),
            "tool_choice");
}

}  // namespace
}  // namespace hearth::api::openai::responses
