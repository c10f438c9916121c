#include "api/openai/chat_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::api::openai {
namespace {

using serving::ChatPrompt;
using ::testing::HasSubstr;

// A good request with `members` added.
std::string with(std::string_view members) {
  return fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"hi"}}],{}}})", members);
}

std::string with_messages(std::string_view messages) {
  return fmt::format(R"({{"messages":[{}]}})", messages);
}

DialectRequest accepted(const std::string& body) {
  auto parsed = parse_chat_request(body);
  EXPECT_TRUE(parsed) << body.substr(0, 300) << ": " << parsed.error().message;
  return parsed ? std::move(*parsed) : DialectRequest{};
}

serving::GenerationRequest generation(const std::string& body) {
  DialectRequest request = accepted(body);
  return request.generations.empty() ? serving::GenerationRequest{} : request.generations.front();
}

ChatPrompt prompt(const std::string& body) {
  serving::GenerationRequest request = generation(body);
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  return chat != nullptr ? *chat : ChatPrompt{};
}

// The field an error names; "accepted" when there is none.
std::string refused_field(const std::string& body) {
  const auto parsed = parse_chat_request(body);
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().status, 400);
  EXPECT_THAT(parsed.error().message, HasSubstr(parsed.error().param));
  EXPECT_LT(parsed.error().message.size(), 400u);
  return parsed.error().param;
}

TEST(ChatRequest, ReadsWhatOllamasClientsAddToIt) {
  const auto request = generation(with(
      R"("keep_alive":"10m","num_ctx":512,"options":{"num_ctx":256,"temperature":0.5,"top_k":3,"stop":"x"},
              "temperature":0.25)"));
  EXPECT_EQ(request.keep_alive, std::chrono::minutes(10));
  EXPECT_EQ(request.context_length, 512);
  EXPECT_EQ(request.sampling.temperature, 0.25f) << "what stands beside the options wins";
  EXPECT_EQ(request.sampling.top_k, 3);
  EXPECT_EQ(request.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(generation(with(R"("options":{"num_ctx":256})")).context_length, 256);
  EXPECT_EQ(generation(with(R"("keep_alive":-1)")).keep_alive, serving::kKeepForever);
  EXPECT_EQ(generation(with(R"("num_ctx":0)")).context_length, std::nullopt);
  EXPECT_TRUE(accepted(with(R"("return_progress":true)")).reply.return_progress);
  EXPECT_EQ(refused_field(with(R"("keep_alive":"soon")")), "keep_alive");
  EXPECT_EQ(refused_field(with(R"("num_ctx":-5)")), "num_ctx");
  EXPECT_EQ(refused_field(with(R"("options":[])")), "options");
  EXPECT_EQ(refused_field(with(R"("options":{"top_k":"x"})")), "options.top_k");
  EXPECT_EQ(refused_field(with(R"("return_progress":1)")), "return_progress");
}

TEST(ChatRequest, ReadsTheSharedFields) {
  const auto request = generation(with(
      R"("temperature":0.5,"top_p":0.25,"top_k":7,"min_p":0.125,"typical_p":0.75,"frequency_penalty":-1,
         "presence_penalty":2,"repeat_penalty":1.5,"repeat_last_n":-1,"seed":18446744073709551615,"max_tokens":10,
         "stop":["a","b"],"logit_bias":{"5":-100,"7":1.5},"logprobs":true,"top_logprobs":20,"ignore_eos":true,
         "never_heard_of":{"x":[1]},"user":"me","metadata":null)"));
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.sampling.top_p, 0.25f);
  EXPECT_EQ(request.sampling.top_k, 7);
  EXPECT_EQ(request.sampling.min_p, 0.125f);
  EXPECT_EQ(request.sampling.typical_p, 0.75f);
  EXPECT_EQ(request.sampling.frequency_penalty, -1.0f);
  EXPECT_EQ(request.sampling.presence_penalty, 2.0f);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.5f);
  EXPECT_EQ(request.sampling.penalty_window, -1);
  EXPECT_EQ(request.sampling.seed, 18446744073709551615u);
  EXPECT_EQ(request.max_tokens, 10);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.sampling.logit_bias, (std::vector<std::pair<int32_t, float>>{{5, -100.0f}, {7, 1.5f}}));
  EXPECT_TRUE(request.logprobs);
  EXPECT_EQ(request.top_logprobs, 20);
  EXPECT_TRUE(request.ignore_end_of_generation);
}

TEST(ChatRequest, AbsentAndNullLeaveTheModelsDefaults) {
  const std::string absent = with(R"("stream":false)");
  const std::string nulls = with(
      R"("temperature":null,"top_p":null,"seed":null,"max_tokens":null,"max_completion_tokens":null,"stop":null,
         "logit_bias":null,"logprobs":null,"top_logprobs":null,"n":null,"stream":null,"stream_options":null,
         "tools":null,"tool_choice":null,"response_format":null,"reasoning_effort":null,"chat_template_kwargs":null)");
  for (const std::string& body : {absent, nulls}) {
    const auto request = generation(body);
    EXPECT_FALSE(request.sampling.temperature);
    EXPECT_FALSE(request.sampling.top_p);
    EXPECT_FALSE(request.sampling.seed);
    EXPECT_FALSE(request.max_tokens);
    EXPECT_TRUE(request.stop.empty());
    EXPECT_FALSE(request.logprobs);
    EXPECT_FALSE(prompt(body).thinking);
    EXPECT_TRUE(prompt(body).tools.is_none());
    EXPECT_TRUE(prompt(body).template_arguments.is_none());
  }
}

TEST(ChatRequest, RangesAreInclusiveAndErrorsNameTheField) {
  const struct {
    const char* field;
    std::vector<const char*> good, bad;
  } cases[] = {
      {"temperature", {"0", "2", "100"}, {"-0.001", "100.1", "1e308", "\"1\"", "true", "[]", "{}"}},
      {"top_p", {"0", "1", "1.0"}, {"-0.1", "1.1", "2", "\"x\""}},
      {"top_k", {"-1", "0", "40", "40.0"}, {"-2", "1.5", "1e12", "\"40\""}},
      {"min_p", {"0", "1"}, {"-1", "1.01"}},
      {"typical_p", {"0", "1"}, {"-1", "1.01"}},
      {"frequency_penalty", {"-2", "2"}, {"-2.1", "2.1"}},
      {"presence_penalty", {"-2", "2"}, {"-2.1", "2.1"}},
      {"repeat_penalty", {"1", "100"}, {"0", "-1", "101"}},
      {"repetition_penalty", {"1"}, {"0", "false"}},
      {"repeat_last_n", {"-1", "0"}, {"-2", "0.5"}},
      {"max_tokens", {"-1", "0", "1", "2147483647"}, {"-2", "1e12", "1.5", "\"5\"", "2147483648"}},
      {"max_completion_tokens", {"1"}, {"-5", "1e300"}},
      {"seed",
       {"0", "-1", "-9223372036854775808", "18446744073709551615"},
       {"18446744073709551616", "1.5", "\"1\"", "1e3"}},
      {"n", {"1", "16"}, {"0", "-1", "17", "1000000000", "1.5", "\"1\""}},
      {"top_logprobs", {"0"}, {"-1", "21", "1000000", "5"}},
      {"logprobs", {"true", "false"}, {"1", "\"true\""}},
      {"stream", {"true"}, {"1", "\"true\""}},
      {"stream_options", {"{}", R"({"include_usage":true})"}, {"true", "[]"}},
      {"stop", {"\"a\"", "[]", "[\"\"]", "\"\""}, {"1", "[1]", "{}", "[null]"}},
      {"logit_bias",
       {"{}", "[]", R"({"0":100})", "[[1,false],[2,3]]"},
       {R"({"x":1})", R"({"-1":1})", R"({"1.5":1})", R"({"99999999999":1})", R"({"1":101})", R"({"1":1e9})",
        R"({"1":"2"})", R"({"1":true})", "[1]", "[[1]]", "[[\"a\",1]]", "7"}},
      {"tool_choice",
       {"\"auto\"", "\"none\""},
       {"\"required\"", R"({"type":"function","function":{"name":"f"}})", "1", "\"sometimes\""}},
      {"response_format",
       {R"({"type":"text"})", R"({"type":"json_object"})",
        R"({"type":"json_schema","json_schema":{"name":"a","schema":{}}})"},
       {R"({"type":"xml"})", "{}", "1"}},
  };
  for (const auto& one : cases) {
    for (const char* value : one.good) {
      EXPECT_EQ(refused_field(with(fmt::format("\"{}\":{}", one.field, value))), "accepted")
          << one.field << value;
    }
    for (const char* value : one.bad) {
      EXPECT_EQ(refused_field(with(fmt::format("\"{}\":{}", one.field, value))), one.field)
          << one.field << value;
    }
  }
}

TEST(ChatRequest, CountsAreLimited) {
  std::string stops, biases, messages;
  for (int i = 0; i < 100'000; ++i) {
    stops += fmt::format("{}\"s{}\"", i == 0 ? "" : ",", i);
    biases += fmt::format("{}\"{}\":1", i == 0 ? "" : ",", i);
    messages += fmt::format(R"({}{{"role":"user","content":"x"}})", i == 0 ? "" : ",");
  }
  EXPECT_EQ(refused_field(with("\"stop\":[" + stops + "]")), "stop");
  EXPECT_EQ(refused_field(with("\"stop\":\"" + std::string(1'000'000, 'x') + "\"")), "stop");
  EXPECT_EQ(refused_field(with("\"logit_bias\":{" + biases + "}")), "logit_bias");
  EXPECT_EQ(refused_field(with_messages(messages)), "messages");
  EXPECT_EQ(refused_field(R"({"messages":[{"role":"user","content":"x"}],"model":")" +
                          std::string(2000, 'x') + "\"}"),
            "model");
}

TEST(ChatRequest, LaterNamesOfOneWishWin) {
  EXPECT_EQ(generation(with(R"("max_completion_tokens":5,"max_tokens":9)")).max_tokens, 5);
  EXPECT_FALSE(generation(with(R"("max_tokens":-1)")).max_tokens);
  EXPECT_EQ(generation(with(R"("top_p":0)")).sampling.top_p, 1e-6f);
  EXPECT_EQ(generation(with(R"("top_k":-1)")).sampling.top_k, 0);
  EXPECT_EQ(generation(with(R"("stop":["","x"])")).stop, std::vector<std::string>{"x"});
}

TEST(ChatRequest, ReadsMessagesOfAllRoles) {
  const ChatPrompt chat = prompt(with_messages(R"(
      {"role":"developer","content":"be kind"},
      {"role":"USER","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":"Ann"},
      {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"z\":1,\"a\":[true]}"}},
        {"id":"c2","type":"function","function":{"name":"g","arguments":""}}]},
      {"role":"tool","tool_call_id":"c1","content":"42"},
      {"role":"function","name":"g","content":"43"},
      {"role":"assistant","content":"done","reasoning":"r","refusal":null},
      {"role":"assistant","content":null,"function_call":{"name":"h","arguments":"{\"k\":2}"}},
      {"role":"user","content":""})"));
  ASSERT_EQ(chat.messages.size(), 8u);
  EXPECT_EQ(chat.messages[0].role, "system");
  EXPECT_EQ(chat.messages[1].role, "user");
  EXPECT_EQ(chat.messages[1].content, "ab");
  EXPECT_EQ(chat.messages[1].name, "Ann");
  EXPECT_EQ(chat.messages[2].content, "");
  EXPECT_EQ(chat.messages[2].reasoning, "hm");
  ASSERT_EQ(chat.messages[2].tool_calls.size(), 2u);
  const serving::ToolCall& call = chat.messages[2].tool_calls[0];
  EXPECT_EQ(call.id, "c1");
  EXPECT_EQ(call.name, "f");
  EXPECT_EQ(call.arguments.as_map()[0].first, "z");
  EXPECT_EQ(call.arguments.as_map()[0].second.as_integer(), 1);
  EXPECT_TRUE(chat.messages[2].tool_calls[1].arguments.as_map().empty());
  EXPECT_EQ(chat.messages[3].name, "f") << "from the call it answers";
  EXPECT_EQ(chat.messages[4].role, "tool");
  EXPECT_EQ(chat.messages[5].reasoning, "r");
  ASSERT_EQ(chat.messages[6].tool_calls.size(), 1u);
  EXPECT_EQ(chat.messages[6].tool_calls[0].name, "h");
  EXPECT_EQ(chat.messages[6].tool_calls[0].arguments.as_map()[0].second.as_integer(), 2);
  EXPECT_TRUE(chat.add_generation_prompt);
}

TEST(ChatRequest, BadMessagesAreNamed) {
  const struct {
    const char* messages;
    const char* field;
  } cases[] = {
      {"", "messages"},
      {"1", "messages[0]"},
      {R"({"content":"x"})", "messages[0].role"},
      {R"({"role":1,"content":"x"})", "messages[0].role"},
      {R"({"role":"wizard","content":"x"})", "messages[0].role"},
      {R"({"role":"user"})", "messages[0].content"},
      {R"({"role":"user","content":null})", "messages[0].content"},
      {R"({"role":"user","content":7})", "messages[0].content"},
      {R"({"role":"user","content":[7]})", "messages[0].content[0]"},
      {R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]})",
       "messages[0].content[0].type"},
      {R"({"role":"user","content":[{"type":"text","text":7}]})", "messages[0].content[0].text"},
      {R"({"role":"user","content":"a"},{"role":"user","content":"b","name":1})", "messages[1].name"},
      {R"({"role":"assistant","tool_calls":{}})", "messages[0].tool_calls"},
      {R"({"role":"assistant","tool_calls":[1]})", "messages[0].tool_calls[0]"},
      {R"({"role":"assistant","tool_calls":[{"id":"x"}]})", "messages[0].tool_calls[0].function"},
      {R"({"role":"assistant","tool_calls":[{"function":{"arguments":"{}"}}]})",
       "messages[0].tool_calls[0].function.name"},
      {R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":"}}]})",
       "messages[0].tool_calls[0].function.arguments"},
      {R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[1]"}}]})",
       "messages[0].tool_calls[0].function.arguments"},
      {R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":5}}]})",
       "messages[0].tool_calls[0].function.arguments"},
  };
  for (const auto& one : cases)
    EXPECT_EQ(refused_field(with_messages(one.messages)), one.field) << one.messages;
  EXPECT_EQ(refused_field("{}"), "messages");
  EXPECT_EQ(refused_field(R"({"messages":"hi"})"), "messages");
}

TEST(ChatRequest, BodiesThatAreNotAnObject) {
  for (const char* body : {"", "[]", "1", "\"x\"", "null", "{", "\xff"}) {
    EXPECT_EQ(refused_field(body), "") << body;
  }
  EXPECT_EQ(refused_field("\xef\xbb\xbf" + with(R"("n":1)")), "accepted") << "a byte order mark is harmless";
  EXPECT_EQ(prompt(with_messages(R"({"role":"user","content":"a\u0000b"})")).messages[0].content,
            std::string("a\0b", 3));
}

TEST(ChatRequest, ToolsKeepTheirOrder) {
  const ChatPrompt chat = prompt(with(
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":
         {"type":"object","properties":{"zebra":{"type":"string"},"apple":{"type":"number"}}}}},
         {"type":"function","function":{"name":"g"}}])"));
  const auto& tools = chat.tools.as_list();
  ASSERT_EQ(tools.size(), 2u);
  EXPECT_EQ(tools[0].as_map()[0].first, "type");
  const text::Value* properties = tools[0].find("function")->find("parameters")->find("properties");
  ASSERT_NE(properties, nullptr);
  EXPECT_EQ(properties->as_map()[0].first, "zebra");
  EXPECT_EQ(properties->as_map()[1].first, "apple");
  EXPECT_EQ(tools[1].find("function")->find("parameters")->find("type")->as_string().text, "object");

  EXPECT_TRUE(prompt(with(R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none")"))
                  .tools.is_none());
  EXPECT_EQ(prompt(with(R"("functions":[{"name":"f"}])")).tools.as_list().size(), 1u);
  EXPECT_EQ(refused_field(with(R"("tools":{})")), "tools");
  EXPECT_TRUE(prompt(with(R"("tools":[{"type":"web_search_preview"}])")).tools.is_none());
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"code_interpreter"}])")), "tools[0].type");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"function"}])")), "tools[0].function");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"function","function":{}}])")), "tools[0].function.name");
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"function","function":{"name":"f","parameters":1}}])")),
            "tools[0].function.parameters");
}

TEST(ChatRequest, ToolChoice) {
  using serving::ToolChoice;
  const auto choice = [](const std::string& members) {
    const auto request = parse_chat_request(with(
        R"("tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],)" +
        members));
    EXPECT_TRUE(request.has_value()) << members;
    return request ? request->generations.front().tool_choice : ToolChoice();
  };
  EXPECT_EQ(choice(R"("tool_choice":"required")").mode, ToolChoice::Mode::kRequired);
  EXPECT_EQ(choice(R"("tool_choice":"none")").mode, ToolChoice::Mode::kNone);
  const ToolChoice named = choice(R"("tool_choice":{"type":"function","function":{"name":"g"}})");
  EXPECT_EQ(named.mode, ToolChoice::Mode::kRequired);
  EXPECT_EQ(named.names, std::vector<std::string>{"g"});
  EXPECT_EQ(choice(R"("function_call":{"name":"f"})").names, std::vector<std::string>{"f"});
  const ToolChoice allowed = choice(
      R"("tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function",
                "function":{"name":"f"}}]}})");
  EXPECT_EQ(allowed.mode, ToolChoice::Mode::kAuto);
  EXPECT_EQ(allowed.names, std::vector<std::string>{"f"});
  EXPECT_EQ(refused_field(with(R"("tools":[{"type":"function","function":{"name":"f"}}],
                                  "tool_choice":{"type":"function","function":{"name":"h"}})")),
            "tool_choice");
}

TEST(ChatRequest, ThinkingInAllItsSpellings) {
  auto thinking = [](const char* members) { return prompt(with(members)).thinking; };
  EXPECT_EQ(thinking(R"("reasoning_effort":"none")"), false);
  EXPECT_EQ(thinking(R"("reasoning_effort":"low")"), true);
  EXPECT_EQ(thinking(R"("reasoning_effort":"enormous")"), true);
  EXPECT_EQ(thinking(R"("reasoning":{"effort":"none"},"reasoning_effort":"high")"), false);
  EXPECT_EQ(thinking(R"("reasoning":{"enabled":false})"), false);
  EXPECT_EQ(thinking(R"("think":false)"), false);
  EXPECT_EQ(thinking(R"("think":"high")"), true);
  EXPECT_EQ(thinking(R"("chat_template_kwargs":{"enable_thinking":false},"reasoning_effort":"high")"), false);
  const ChatPrompt chat = prompt(with(R"("reasoning_effort":"minimal","chat_template_kwargs":{"x":[1]})"));
  EXPECT_EQ(chat.template_arguments.find("reasoning_effort")->as_string().text, "low");
  EXPECT_TRUE(chat.template_arguments.find("x")->is_list());
  EXPECT_EQ(refused_field(with(R"("chat_template_kwargs":{"messages":[]})")),
            "chat_template_kwargs.messages");
  EXPECT_EQ(refused_field(with(R"("chat_template_kwargs":[])")), "chat_template_kwargs");
  EXPECT_EQ(refused_field(with(R"("reasoning":true)")), "reasoning");
  EXPECT_EQ(refused_field(with(R"("think":1)")), "think");
}

TEST(ChatRequest, ATrailingAssistantMessageIsContinued) {
  const std::string messages =
      R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}])";
  EXPECT_FALSE(prompt("{" + messages + "}").add_generation_prompt);
  EXPECT_TRUE(prompt("{" + messages + R"(,"continue_final_message":false})").add_generation_prompt);
  EXPECT_TRUE(prompt("{" + messages + R"(,"add_generation_prompt":true})").add_generation_prompt);
  EXPECT_EQ(refused_field("{" + messages + R"(,"add_generation_prompt":true,"continue_final_message":true})"),
            "add_generation_prompt");
  EXPECT_EQ(refused_field(with(R"("continue_final_message":true)")), "continue_final_message");
}

TEST(ChatRequest, TheOutputIsParsedUnlessItIsWantedRaw) {
  EXPECT_TRUE(generation(with(R"("reasoning_format":"auto")")).parse_output);
  EXPECT_FALSE(generation(with(R"("reasoning_format":"none")")).parse_output);
  EXPECT_EQ(refused_field(with(R"("reasoning_format":"odd")")), "reasoning_format");
}

TEST(ChatRequest, ReasoningMayBeExcluded) {
  EXPECT_TRUE(accepted(with(R"("reasoning":{})")).reply.show_reasoning);
  EXPECT_FALSE(accepted(with(R"("reasoning":{"exclude":true})")).reply.show_reasoning);
}

TEST(ChatRequest, FunctionsAreRepliedToAsSuch) {
  EXPECT_TRUE(accepted(with(R"("functions":[{"name":"f"}])")).reply.legacy_functions);
  EXPECT_FALSE(accepted(with(R"("tools":[])")).reply.legacy_functions);
}

}  // namespace
}  // namespace hearth::api::openai
