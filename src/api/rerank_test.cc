// Both dialects of reranking.
#include "api/rerank.h"

#include <gtest/gtest.h>

#include "api/json.h"
#include "api/testing/http_client.h"

namespace hearth::api {
namespace {

using api::testing::FakeService;
using api::testing::post;
using api::testing::RunningServer;
using serving::Embedding;

std::string refused_field(std::string_view body) {
  const auto request = parse_rerank_request(body);
  return request ? "accepted" : request.error().param;
}

TEST(RerankRequest, NamesTheFieldAtFault) {
  EXPECT_EQ(refused_field(R"({"documents":["a"]})"), "query");
  EXPECT_EQ(refused_field(R"({"query":"q"})"), "documents");
  EXPECT_EQ(refused_field(R"({"query":"q","documents":[]})"), "documents");
  EXPECT_EQ(refused_field(R"({"query":"q","documents":"a"})"), "documents");
  EXPECT_EQ(refused_field(R"({"query":"q","documents":["a",7]})"), "documents[1]");
  EXPECT_EQ(refused_field(R"({"query":"q","documents":[{"title":"a"}]})"), "documents[0]");
  EXPECT_EQ(refused_field(R"({"query":"q","documents":["a"],"top_n":0})"), "top_n");
  EXPECT_EQ(refused_field(R"({"query":"q","texts":[]})"), "texts");
  EXPECT_EQ(refused_field(R"({"query":"q","documents":["a",{"text":"b"}],"top_n":9})"), "accepted");
}

// Raw scores -1, 3, 1 and their relevances.
void three_scores(serving::TokenWriter& writer) {
  writer.push(Embedding{2, {1.0f, 0.75f}});
  writer.push(Embedding{0, {-1.0f, 0.25f}});
  writer.push(Embedding{1, {3.0f, 0.875f}});
  writer.push(api::testing::end_after(30, 0));
}

TEST(Rerank, SortsByRelevance) {
  FakeService service;
  service.play(three_scores);
  RunningServer server(service);
  for (const char* path : {"/v1/rerank", "/rerank", "/v1/reranking", "/reranking"}) {
    const auto reply = server.ask(post(path, R"({"query":"q","documents":["a",{"text":"b"},"c"]})"));
    ASSERT_EQ(reply.status, 200) << reply.body;
    const Json json = Json::parse(reply.body);
    EXPECT_EQ(json["model"], "tiny/llama:q4");
    EXPECT_EQ(json["object"], "list");
    EXPECT_EQ(json["usage"], Json({{"prompt_tokens", 30}, {"total_tokens", 30}}));
    EXPECT_EQ(json["results"], Json::parse(R"([{"index":1,"relevance_score":0.875},
        {"index":2,"relevance_score":0.75},{"index":0,"relevance_score":0.25}])"));
    EXPECT_FALSE(json.contains("meta"));
  }
  EXPECT_EQ(service.rank_requests().at(0).query, "q");
  EXPECT_EQ(service.rank_requests().at(0).documents, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Rerank, TopNRawScoresAndDocuments) {
  FakeService service;
  service.play(three_scores);
  RunningServer server(service);
  const auto reply = server.ask(
      post("/v1/rerank",
           R"({"query":"q","documents":["a","b","c"],"top_n":2,"raw_scores":true,"return_documents":true})"));
  EXPECT_EQ(Json::parse(reply.body)["results"],
            Json::parse(R"([{"index":1,"relevance_score":3.0,"document":{"text":"b"}},
                            {"index":2,"relevance_score":1.0,"document":{"text":"c"}}])"));
}

TEST(Rerank, CohereHasAnIdAndMeta) {
  FakeService service;
  service.play(three_scores);
  RunningServer server(service);
  const Json json =
      Json::parse(server.ask(post("/v2/rerank", R"({"query":"q","documents":["a","b","c"]})")).body);
  EXPECT_TRUE(json["id"].is_string());
  EXPECT_EQ(json["meta"]["api_version"]["version"], "2");
  EXPECT_EQ(json["results"].size(), 3U);
}

TEST(Rerank, TextsAreAnsweredWithABareList) {
  FakeService service;
  service.play(three_scores);
  RunningServer server(service);
  auto reply = server.ask(post("/rerank", R"({"query":"q","texts":["a","b","c"],"return_text":true})"));
  EXPECT_EQ(Json::parse(reply.body), Json::parse(R"([{"index":1,"score":0.875,"text":"b"},
      {"index":2,"score":0.75,"text":"c"},{"index":0,"score":0.25,"text":"a"}])"));
  reply = server.ask(post("/rerank", R"({"query":"q","texts":["a","b","c"],"raw_scores":true})"));
  EXPECT_EQ(Json::parse(reply.body)[0], Json::parse(R"({"index":1,"score":3.0})"));
}

TEST(Rerank, ErrorsNameTheDocument) {
  FakeService service;
  service.refuse({ErrorCategory::kContextExceeded, "documents[1] has 600 tokens, the model takes 512"});
  RunningServer server(service);
  const auto reply = server.ask(post("/v1/rerank", R"({"query":"q","documents":["a","b"]})"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(Json::parse(reply.body)["error"]["param"], "documents");
}

}  // namespace
}  // namespace hearth::api
