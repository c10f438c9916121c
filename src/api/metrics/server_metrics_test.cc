#include "api/metrics/server_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/testing/http_client.h"

namespace hearth::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

serving::GenerationRecord record(int64_t prompt, int64_t cached, int64_t generated) {
  return {
      .usage = {.prompt_tokens = prompt, .cached_tokens = cached, .completion_tokens = generated},
      .timings = {
          .queue_ms = 500, .prefill_ms = 2000, .decode_ms = 4000, .drafted_tokens = 6, .accepted_tokens = 5}};
}

AccessRecord request(std::string route, std::string dialect, std::string model, int status) {
  AccessRecord access;
  access.notes.route = std::move(route);
  access.notes.dialect = std::move(dialect);
  access.notes.model = std::move(model);
  access.status = status;
  access.duration_ms = 20;
  return access;
}

class ServerMetricsTest : public ::testing::Test {
 protected:
  std::string text() const { return metrics_.text(service_); }

  ServerMetrics metrics_;
  testing::FakeService service_;
};

TEST_F(ServerMetricsTest, CountsGenerationsAndTheirTokens) {
  const auto model = metrics_.of_model("m");
  EXPECT_EQ(metrics_.of_model("m"), model);
  model->on_load();
  model->on_first_token(0.2);
  model->on_next_token(0.03);
  model->on_next_token(0.03);
  model->on_end(record(100, 60, 8));
  model->on_end(record(10, 0, 8));
  serving::GenerationRecord failed = record(5, 0, 0);
  failed.failed = true;
  model->on_end(failed);
  model->on_unload();
  const std::string all = text();
  for (const char* line : {
           "# TYPE hearth_prompt_tokens_total counter",
           R"(hearth_generations_total{model="m",outcome="completed"} 2)",
           R"(hearth_generations_total{model="m",outcome="failed"} 1)",
           R"(hearth_prompt_tokens_total{model="m"} 115)",
           R"(hearth_cached_prompt_tokens_total{model="m"} 60)",
           R"(hearth_prefix_cache_hits_total{model="m"} 1)",
           R"(hearth_generated_tokens_total{model="m"} 16)",
           R"(hearth_drafted_tokens_total{model="m"} 18)",
           R"(hearth_accepted_draft_tokens_total{model="m"} 15)",
           R"(hearth_queue_seconds_total{model="m"} 1.5)",
           R"(hearth_model_loads_total{model="m"} 1)",
           R"(hearth_model_unloads_total{model="m"} 1)",
           "# TYPE hearth_time_to_first_token_seconds histogram",
           R"(hearth_time_to_first_token_seconds_bucket{model="m",le="0.1"} 0)",
           R"(hearth_time_to_first_token_seconds_bucket{model="m",le="0.25"} 1)",
           R"(hearth_inter_token_seconds_count{model="m"} 2)",
           R"(hearth_inter_token_seconds_bucket{model="m",le="0.05"} 2)",
       }) {
    EXPECT_THAT(all, HasSubstr(std::string(line) + "\n"));
  }
}

TEST_F(ServerMetricsTest, LlamaServersNamesAreSumsOverModels) {
  metrics_.of_model("a")->on_end(record(100, 60, 8));
  metrics_.of_model("b")->on_end(record(10, 0, 8));
  const std::string all = text();
  for (const char* line : {"# TYPE llamacpp:prompt_tokens_total counter", "llamacpp:prompt_tokens_total 50",
                           "llamacpp:prompt_seconds_total 4", "llamacpp:tokens_predicted_total 16",
                           "llamacpp:tokens_predicted_seconds_total 8", "llamacpp:predicted_tokens_seconds 2",
                           "llamacpp:spec_decode_num_draft_tokens_total 12"}) {
    EXPECT_THAT(all, HasSubstr(std::string(line) + "\n"));
  }
}

TEST_F(ServerMetricsTest, CountsRequestsByRouteDialectStatusAndModel) {
  metrics_.of_model("m");
  metrics_.on_request(request("/v1/messages", "anthropic", "m", 200));
  metrics_.on_request(request("/v1/messages", "anthropic", "m", 200));
  metrics_.on_request(request("/v1/messages", "anthropic", "what clients\n\"invent\"", 404));
  metrics_.on_request(request("", "", "", 404));
  const std::string all = text();
  EXPECT_THAT(
      all,
      HasSubstr(
          R"(hearth_requests_total{dialect="anthropic",model="m",route="/v1/messages",status="200"} 2)"));
  EXPECT_THAT(
      all, HasSubstr(
               R"(hearth_requests_total{dialect="anthropic",model="",route="/v1/messages",status="404"} 1)"));
  EXPECT_THAT(all, HasSubstr(R"(hearth_requests_total{dialect="",model="",route="",status="404"} 1)"));
  EXPECT_THAT(all, HasSubstr(R"(hearth_request_seconds_count{route="/v1/messages"} 3)"));
  EXPECT_THAT(all, Not(HasSubstr("invent")));
}

TEST_F(ServerMetricsTest, ShowsTheModelsInMemory) {
  serving::LoadedModelState state;
  state.summary.name = "m";
  state.memory = {.weight_bytes = 1000, .kv_full_bytes = 150, .prefix_bytes = 50, .activation_bytes = 30};
  state.n_requests = 4;
  service_.loaded.push_back(state);
  const std::string all = text();
  EXPECT_THAT(all, HasSubstr(R"(hearth_memory_bytes{kind="weights",model="m"} 1000)"));
  EXPECT_THAT(all, HasSubstr(R"(hearth_memory_bytes{kind="cache",model="m"} 200)"));
  EXPECT_THAT(all, HasSubstr(R"(hearth_memory_bytes{kind="scratch",model="m"} 30)"));
  EXPECT_THAT(all, HasSubstr(R"(hearth_requests_unfinished{model="m"} 4)"));
  EXPECT_THAT(all, Not(HasSubstr("hearth_kv_blocks")));
  service_.loaded.clear();
  EXPECT_THAT(text(), Not(HasSubstr("hearth_memory_bytes")));
}

TEST_F(ServerMetricsTest, ShowsTheQueueTheBlocksAndThePrefixesOfEachModel) {
  for (const char* name : {"a", "b"}) {
    serving::LoadedModelState& state = service_.loaded.emplace_back();
    state.summary.name = name;
    state.engine = serving::EngineState{.n_waiting = 5,
                                        .n_running = 2,
                                        .n_preemptions = 3,
                                        .n_blocks_in_use = 10,
                                        .n_blocks_kept = 20,
                                        .n_blocks_free = 30,
                                        .n_blocks_evicted = 7,
                                        .memory_hits = 4,
                                        .memory_tokens = 400,
                                        .disk_hits = 1,
                                        .disk_tokens = 128};
  }
  service_.awaited = {{"c", 6}};
  EXPECT_THAT(text(), Not(HasSubstr("hearth_prefix_disk")));
  service_.disk = {.bytes = 4096, .n_blocks = 4, .n_read = 1, .n_written = 6, .n_removed = 2, .n_damaged = 0};
  const std::string all = text();
  for (const char* line : {
           "# TYPE hearth_requests_waiting gauge",
           R"(hearth_requests_waiting{reason="queue",model="a"} 5)",
           R"(hearth_requests_waiting{reason="queue",model="b"} 5)",
           R"(hearth_requests_waiting{reason="load",model="c"} 6)",
           "llamacpp:requests_processing 4",
           "llamacpp:requests_deferred 16",
           R"(hearth_requests_running{model="a"} 2)",
           R"(hearth_preemptions_total{model="a"} 3)",
           R"(hearth_kv_blocks{state="in_use",model="a"} 10)",
           R"(hearth_kv_blocks{state="kept",model="a"} 20)",
           R"(hearth_kv_blocks{state="free",model="b"} 30)",
           "# TYPE hearth_prefix_evicted_blocks_total counter",
           R"(hearth_prefix_evicted_blocks_total{model="a"} 7)",
           R"(hearth_prefix_hits_total{source="memory",model="a"} 4)",
           R"(hearth_prefix_hits_total{source="disk",model="a"} 1)",
           R"(hearth_prefix_reused_tokens_total{source="disk",model="a"} 128)",
           "hearth_prefix_disk_bytes 4096",
           "hearth_prefix_disk_blocks 4",
           R"(hearth_prefix_disk_blocks_total{operation="written"} 6)",
       }) {
    EXPECT_THAT(all, HasSubstr(std::string(line) + "\n"));
  }
}

TEST_F(ServerMetricsTest, CountsFromManyThreadsAndOutlivesItsOwner) {
  std::shared_ptr<serving::ModelMetrics> model;
  {
    ServerMetrics metrics;
    model = metrics.of_model("m");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) metrics.of_model("m")->on_end(record(1, 0, 1));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_THAT(metrics.text(service_), HasSubstr(R"(hearth_prompt_tokens_total{model="m"} 4000)"));
  }
  model->on_end(record(1, 0, 1));
}

TEST_F(ServerMetricsTest, IsServedAsText) {
  HttpServerOptions options;
  options.port = 0;
  Router router;
  add_metrics_route(router, metrics_, service_);
  auto server = HttpServer::create(std::move(options), std::move(router));
  ASSERT_TRUE(server);
  std::thread thread([&] { (*server)->run(); });
  testing::Client client((*server)->port());
  ASSERT_TRUE(client.send(testing::get("/metrics")));
  const testing::Reply reply = client.receive();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(reply.body, HasSubstr("llamacpp:prompt_tokens_total 0\n"));
  (*server)->stop(std::chrono::milliseconds(0));
  thread.join();
}

}  // namespace
}  // namespace hearth::api
