// POST /v1/embeddings: every form of input and of vectors, and what is refused.
#include "api/openai/embeddings.h"

#include <gtest/gtest.h>

#include "api/json.h"
#include "api/testing/http_client.h"

namespace hearth::api::openai {
namespace {

using api::testing::FakeService;
using api::testing::get;
using api::testing::post;
using api::testing::RunningServer;
using serving::Embedding;

std::string refused_field(std::string_view body) {
  const auto request = parse_embeddings_request(body);
  return request ? "accepted" : request.error().param;
}

TEST(EmbeddingsRequest, ReadsItsFields) {
  const auto request = parse_embeddings_request(
      R"({"model":"m","input":["a",[1,2]],"encoding_format":"base64","dimensions":64,"user":"u"})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->work.model, "m");
  ASSERT_EQ(request->work.inputs.size(), 2U);
  EXPECT_EQ(std::get<std::string>(request->work.inputs[0]), "a");
  EXPECT_EQ(std::get<1>(request->work.inputs[1]), (std::vector<text::TokenId>{1, 2}));
  EXPECT_TRUE(request->base64);
  EXPECT_EQ(request->dimensions, 64U);
  EXPECT_FALSE(request->work.truncate);
  EXPECT_TRUE(request->work.normalise);
}

TEST(EmbeddingsRequest, NamesTheFieldAtFault) {
  EXPECT_EQ(refused_field(R"({"model":"m"})"), "input");
  EXPECT_EQ(refused_field(R"({"input":""})"), "input");
  EXPECT_EQ(refused_field(R"({"input":[]})"), "input");
  EXPECT_EQ(refused_field(R"({"input":["a",""]})"), "input[1]");
  EXPECT_EQ(refused_field(R"({"input":"a","encoding_format":"hex"})"), "encoding_format");
  EXPECT_EQ(refused_field(R"({"input":"a","encoding_format":1})"), "encoding_format");
  EXPECT_EQ(refused_field(R"({"input":"a","dimensions":0})"), "dimensions");
  EXPECT_EQ(refused_field(R"({"input":"a","dimensions":"8"})"), "dimensions");
  EXPECT_EQ(refused_field(R"({"input":"a","encoding_format":"float"})"), "accepted");
  std::string many = R"({"input":["a")";
  for (int i = 0; i < 2048; ++i) many += R"(,"a")";
  EXPECT_EQ(refused_field(many + "]}"), "input");
}

// Two vectors, the second first.
void two_vectors(serving::TokenWriter& writer) {
  writer.push(Embedding{1, {0, 1, 0, 0}});
  writer.push(Embedding{0, {0.6f, 0, 0.8f, 0}});
  writer.push(api::testing::end_after(8, 0));
}

TEST(Embeddings, RepliesInTheOrderOfTheInputs) {
  FakeService service;
  service.play(two_vectors);
  RunningServer server(service);
  const auto reply = server.ask(post("/v1/embeddings", R"({"input":["a","b"]})"));
  EXPECT_EQ(reply.status, 200);
  const Json json = Json::parse(reply.body);
  EXPECT_EQ(json["object"], "list");
  EXPECT_EQ(json["model"], "tiny/llama:q4");
  ASSERT_EQ(json["data"].size(), 2U);
  EXPECT_EQ(json["data"][0]["object"], "embedding");
  EXPECT_EQ(json["data"][0]["index"], 0);
  EXPECT_FLOAT_EQ(json["data"][0]["embedding"][2].get<float>(), 0.8f);
  EXPECT_EQ(json["data"][1]["embedding"], Json({0.0, 1.0, 0.0, 0.0}));
  EXPECT_EQ(json["usage"], Json({{"prompt_tokens", 8}, {"total_tokens", 8}}));
  EXPECT_EQ(service.embedding_requests().at(0).model, "tiny/llama:q4");
}

TEST(Embeddings, Base64IsLittleEndianFloats) {
  FakeService service;
  service.play([](serving::TokenWriter& writer) {
    writer.push(Embedding{0, {1.0f, -2.0f}});
    writer.push(api::testing::end_after(2, 0));
  });
  RunningServer server(service);
  const auto reply = server.ask(post("/v1/embeddings", R"({"input":"a","encoding_format":"base64"})"));
  // 00 00 80 3f 00 00 00 c0
  EXPECT_EQ(Json::parse(reply.body)["data"][0]["embedding"], "AACAPwAAAMA=");
}

TEST(Embeddings, DimensionsCutAndRestoreUnitLength) {
  FakeService service;
  service.play([](serving::TokenWriter& writer) {
    writer.push(Embedding{0, {0.3f, 0.4f, 0.5f, 0.7f}});
    writer.push(api::testing::end_after(2, 0));
  });
  RunningServer server(service);
  auto reply = server.ask(post("/v1/embeddings", R"({"input":"a","dimensions":2})"));
  Json vector = Json::parse(reply.body)["data"][0]["embedding"];
  ASSERT_EQ(vector.size(), 2U);
  EXPECT_NEAR(vector[0].get<double>(), 0.6, 1e-6);
  EXPECT_NEAR(vector[1].get<double>(), 0.8, 1e-6);
  reply = server.ask(post("/v1/embeddings", R"({"input":"a","dimensions":1000})"));
  EXPECT_EQ(Json::parse(reply.body)["data"][0]["embedding"].size(), 4U);
}

TEST(Embeddings, ErrorsNameTheInput) {
  FakeService service;
  service.refuse({ErrorCategory::kContextExceeded, "input[1] has 600 tokens, the model takes 512"});
  RunningServer server(service);
  const auto reply = server.ask(post("/v1/embeddings", R"({"input":["a","b"]})"));
  EXPECT_EQ(reply.status, 400);
  const Json error = Json::parse(reply.body)["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "input");
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_EQ(server.ask(post("/v1/embeddings", R"({"input":["a",""]})")).status, 400);
  EXPECT_EQ(server.ask(get("/v1/embeddings")).status, 405);
}

TEST(Embeddings, AClientThatLeavesCancels) {
  FakeService service;
  service.play([](serving::TokenWriter&) {});
  RunningServer server(service);
  auto client = server.connect();
  client.send(post("/v1/embeddings", R"({"input":"a"})"));
  ASSERT_TRUE(service.wait_for_generations(1, 10'000));
  client.close();
  EXPECT_TRUE(service.wait_for_cancellations(1, 10'000));
}

}  // namespace
}  // namespace hearth::api::openai
