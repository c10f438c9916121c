#include "api/openai/output_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/openai/chat_request.h"
#include "api/openai/completion_request.h"

namespace hearth::api::openai {
namespace {

using serving::GbnfFormat;
using serving::JsonObjectFormat;
using serving::JsonSchemaFormat;
using serving::OutputFormat;
using ::testing::HasSubstr;

Parsed<OutputFormat> read(std::string_view body) {
  return read_output_format(*parse_json(body));
}

void expect_refused(std::string_view body, std::string_view field, std::string_view words) {
  const auto format = read(body);
  ASSERT_FALSE(format) << body;
  EXPECT_EQ(format.error().status, 400);
  EXPECT_EQ(format.error().param, field) << body;
  EXPECT_THAT(format.error().message, HasSubstr(std::string(words)));
}

TEST(OutputFormat, Text) {
  for (const char* body : {"{}", R"({"response_format":null,"grammar":null,"json_schema":null})",
                           R"({"response_format":{"type":"text"}})", R"({"grammar":""})"}) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(*read(body))) << body;
  }
}

TEST(OutputFormat, JsonWithAndWithoutSchema) {
  EXPECT_TRUE(
      std::holds_alternative<JsonObjectFormat>(*read(R"({"response_format":{"type":"json_object"}})")));
  for (
      const char* body :
      {R"({"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object","b":1,"a":2}}}})",
       R"({"response_format":{"type":"json_schema","schema":{"type":"object","b":1,"a":2}}})",
       R"({"response_format":{"type":"json_object","schema":{"type":"object","b":1,"a":2}}})",
       R"({"json_schema":{"type":"object","b":1,"a":2}})",
       R"({"response_format":{"type":"text"},"json_schema":{"type":"object","b":1,"a":2}})"}) {
    const auto format = read(body);
    ASSERT_TRUE(format) << format.error().message;
    ASSERT_TRUE(std::holds_alternative<JsonSchemaFormat>(*format)) << body;
    EXPECT_EQ(std::get<JsonSchemaFormat>(*format).schema, R"({"type":"object","b":1,"a":2})");
  }
}

TEST(OutputFormat, Grammar) {
  EXPECT_EQ(std::get<GbnfFormat>(*read(R"({"grammar":"root ::= \"a\""})")).grammar, "root ::= \"a\"");
}

TEST(OutputFormat, WhatIsWrongIsNamed) {
  expect_refused(R"({"response_format":"json"})", "response_format", "object");
  expect_refused(R"({"response_format":{"type":"xml"}})", "response_format", "xml");
  expect_refused(R"({"response_format":{"type":"json_schema"}})", "response_format.schema", "missing");
  expect_refused(R"({"response_format":{"type":"json_schema","json_schema":{}}})",
                 "response_format.json_schema.schema", "missing");
  expect_refused(R"({"response_format":{"type":"json_schema","json_schema":{"schema":[]}}})",
                 "response_format.json_schema.schema", "schema");
  expect_refused(R"({"json_schema":5})", "json_schema", "schema");
  expect_refused(R"({"grammar":5})", "grammar", "string");
  expect_refused(R"({"grammar":"x","json_schema":{}})", "grammar", "json_schema");
  expect_refused(R"({"response_format":{"type":"json_object"},"json_schema":{}})", "json_schema",
                 "response_format");
}

TEST(OutputFormat, IsReadByChatsAndCompletions) {
  const auto chat = parse_chat_request(
      R"({"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"},"n":2})");
  ASSERT_TRUE(chat);
  ASSERT_EQ(chat->generations.size(), 2u);
  for (const auto& one : chat->generations) EXPECT_TRUE(std::holds_alternative<JsonObjectFormat>(one.format));
  const auto completion = parse_completion_request(R"({"model":"m","prompt":"x","grammar":"root ::= [a]"})");
  ASSERT_TRUE(completion);
  EXPECT_TRUE(std::holds_alternative<GbnfFormat>(completion->generations[0].format));
}

}  // namespace
}  // namespace hearth::api::openai
