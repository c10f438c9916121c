// Models made over HTTP, in a store on disk, from a real, tiny model.
#include "api/ollama/create_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/ollama/store_routes.h"
#include "api/ollama/wire.h"
#include "api/testing/http_client.h"
#include "base/sha256.h"

namespace hearth::api::ollama {
namespace {

namespace fs = std::filesystem;
using api::testing::Client;
using api::testing::Reply;
using api::testing::RunningServer;
using ::testing::HasSubstr;

std::string stories() {
  std::ifstream file(fs::path(HEARTH_TEST_DATA) / "models/stories260K.gguf", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string digest_of(std::string_view bytes) {
  return "sha256:" + to_hex(sha256({std::as_bytes(std::span(bytes))}));
}

class CreateRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-create-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    models_ = std::make_shared<store::ModelStore>(root_);
    Router router;
    router.set_error_format("/api", error_format);
    add_create_routes(router, models_, [this](const auto& wanted, const auto& on_step) -> Status {
      conversion_ = wanted;
      if (!on_step({.status = "converting", .completed = 1, .total = 1}))
        return fail(ErrorCategory::kCancelled, "");
      if (wanted.quantize == "q5") return fail(ErrorCategory::kInvalidArgument, "q5 is unknown");
      std::ofstream(wanted.output, std::ios::binary) << stories();
      return {};
    });
    add_store_routes(router, models_);
    server_.emplace(std::move(router), HttpServerOptions());
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(root_);
  }

  Reply ask(std::string_view method, std::string_view path, std::string_view body = {}) {
    Client client = server_->connect();
    client.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}", method, path,
                            body.size(), body));
    return client.receive(method == "HEAD");
  }
  Reply create(std::string_view json) { return ask("POST", "/api/create", json); }

  std::string upload_stories() {
    const std::string bytes = stories();
    const std::string digest = digest_of(bytes);
    EXPECT_EQ(ask("POST", "/api/blobs/" + digest, bytes).status, 201);
    return digest;
  }
  size_t n_blobs() const {
    std::error_code error;
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(root_ / "blobs", error), fs::directory_iterator()));
  }

  fs::path root_;
  std::shared_ptr<store::ModelStore> models_;
  serving::WeightConversion conversion_;  // the last one
  std::optional<RunningServer> server_;
};

TEST_F(CreateRoutesTest, BlobsAreCheckedAndKeptOnce) {
  const std::string bytes = "some bytes";
  const std::string path = "/api/blobs/" + digest_of(bytes);
  EXPECT_EQ(ask("HEAD", path).status, 404);
  const Reply wrong = ask("POST", path, "other bytes");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("digest mismatch"));
  EXPECT_EQ(n_blobs(), 0U);
  EXPECT_EQ(ask("POST", path, bytes).status, 201);
  EXPECT_EQ(ask("HEAD", path).status, 200);
  EXPECT_EQ(ask("POST", path, bytes).status, 200);
  EXPECT_EQ(n_blobs(), 1U);
  EXPECT_EQ(ask("POST", "/api/blobs/sha256:12", bytes).status, 400);
  EXPECT_EQ(ask("POST", "/api/blobs/../secret", bytes).status, 400);
}

TEST_F(CreateRoutesTest, APartialUploadLeavesNothing) {
  const std::string path = "/api/blobs/" + digest_of("never");
  {
    Client client = server_->connect();
    client.send(fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{}", path,
                            std::string(300'000, 'x')));
  }
  // The next upload comes after it on the server's one thread for them.
  EXPECT_EQ(ask("POST", "/api/blobs/" + digest_of("next"), "next").status, 201);
  EXPECT_EQ(n_blobs(), 1U);
  const Reply huge = [&] {
    Client client = server_->connect();
    client.send(
        fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n", path));
    return client.receive();
  }();
  EXPECT_EQ(huge.status, 507);
  EXPECT_THAT(huge.body, HasSubstr("999999999999 bytes"));
}

TEST_F(CreateRoutesTest, MakesAModelOfAFileAndOneOfThatModel) {
  const std::string digest = upload_stories();
  const Reply first = create(fmt::format(
      R"({{"model":"tiny","files":{{"a.gguf":"{}"}},"system":"Be brief.","template":"{{{{ .System }}}}|{{{{ .Prompt }}}}",
          "parameters":{{"temperature":0.5,"stop":["x"]}},"messages":[{{"role":"user","content":"hi"}}],
          "license":["MIT"]}})",
      digest));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.header("Content-Type"), "application/x-ndjson");
  EXPECT_THAT(first.body, HasSubstr("{\"status\":\"creating new layer sha256:"));
  EXPECT_THAT(first.body, HasSubstr("{\"status\":\"writing manifest\"}\n{\"status\":\"success\"}\n"));
  const auto tiny = models_->find("tiny");
  ASSERT_TRUE(tiny) << tiny.error().message;
  EXPECT_EQ(tiny->manifest->find(store::media_type::kModel)->digest, digest);

  const Reply second = create(
      R"({"name":"me/other:v1","from":"TINY","system":"New.","parameters":{"stop":"y"},"stream":false})");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, "{\"status\":\"success\"}");
  const auto other = models_->find("me/other:v1");
  ASSERT_TRUE(other) << other.error().message;
  const auto words = models_->overrides(*other);
  ASSERT_TRUE(words);
  EXPECT_EQ(words->system, "New.");
  EXPECT_EQ(words->template_text, "{{ .System }}|{{ .Prompt }}");
  ASSERT_EQ(words->parameters.size(), 2U);
  EXPECT_EQ(words->parameters[0].value, "y");
  EXPECT_EQ(words->messages.size(), 1U);
}

TEST_F(CreateRoutesTest, CheckpointsPartsAndOtherTypesAreConverted) {
  const auto upload = [this](const std::string& bytes) {
    EXPECT_EQ(ask("POST", "/api/blobs/" + digest_of(bytes), bytes).status, 201);
    return digest_of(bytes);
  };
  const auto blob = [this](std::string_view bytes) { return models_->blobs().path_of(digest_of(bytes)); };
  const std::string config = upload("{}"), weights = upload("tensors");
  const Reply checkpoint = create(fmt::format(
      R"({{"model":"a","files":{{"model.safetensors":"{}","config.json":"{}"}},"quantize":"q4_K_M",
                             "system":"s"}})",
      weights, config));
  EXPECT_THAT(checkpoint.body, HasSubstr(R"({"status":"converting","total":1,"completed":1})"));
  EXPECT_THAT(checkpoint.body, HasSubstr(R"("status":"success")"));
  EXPECT_EQ(conversion_.quantize, "q4_K_M");
  EXPECT_TRUE(conversion_.parts.empty());
  EXPECT_EQ(conversion_.checkpoint.at("config.json"), blob("{}"));
  EXPECT_EQ(conversion_.checkpoint.at("model.safetensors"), blob("tensors"));
  const auto made = models_->find("a");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->manifest->find(store::media_type::kModel)->digest, digest_of(stories()));
  EXPECT_FALSE(fs::exists(conversion_.output));

  upload("one");
  upload("two");
  EXPECT_EQ(
      create(fmt::format(R"({{"model":"b","files":{{"x-2.gguf":"{}","x-1.gguf":"{}"}},"stream":false}})",
                         digest_of("two"), digest_of("one")))
          .status,
      200);
  EXPECT_EQ(conversion_.parts, (std::vector<fs::path>{blob("one"), blob("two")}));

  EXPECT_EQ(create(R"({"model":"c","from":"a","quantize":"q8_0","stream":false})").status, 200);
  EXPECT_EQ(conversion_.parts, std::vector<fs::path>{blob(stories())});
  EXPECT_EQ(models_->overrides(*models_->find("c"))->system, "s");

  const Reply refused = create(R"({"model":"d","from":"a","quantize":"q5","stream":false})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("q5 is unknown"));
  EXPECT_FALSE(fs::exists(conversion_.output));
  EXPECT_FALSE(models_->find("d"));
}

TEST_F(CreateRoutesTest, TheOlderFormHasAModelfile) {
  const std::string digest = upload_stories();
  EXPECT_EQ(create(fmt::format(R"({{"model":"a","files":{{"a":"{}"}},"stream":false}})", digest)).status,
            200);
  EXPECT_EQ(create(R"({"name":"b","modelfile":"FROM a\nSYSTEM s\n","stream":false})").status, 200);
  EXPECT_EQ(models_->overrides(*models_->find("b"))->system, "s");
  EXPECT_THAT(create(R"({"name":"b","modelfile":"FROM a\nBAD s"})").body, HasSubstr("(line 2)"));
}

TEST_F(CreateRoutesTest, ErrorsSayWhatIsWrongAndChangeNothing) {
  const std::string digest = upload_stories();
  const std::string garbage = digest_of("no GGUF");
  ask("POST", "/api/blobs/" + garbage, "no GGUF");
  const auto error_of = [&](std::string_view json) {
    const Reply reply = create(json);
    return fmt::format("{} {}", reply.status, reply.body);
  };
  EXPECT_THAT(error_of(R"({"model":"x"})"), HasSubstr("400 {\"error\":\"neither"));
  EXPECT_THAT(error_of(R"({"from":"x"})"), HasSubstr("400 {\"error\":\"the model name"));
  EXPECT_THAT(error_of(R"({"model":"../x","from":"y"})"), HasSubstr("400 "));
  EXPECT_THAT(error_of(R"({"model":"x","from":"nobody"})"), HasSubstr("404 {\"error\":"));
  EXPECT_THAT(error_of(R"({"model":"x","from":"/etc/passwd"})"), HasSubstr("400 "));
  EXPECT_THAT(error_of(R"({"model":"x","files":{"a":"sha256:12"}})"), HasSubstr("400 "));
  EXPECT_THAT(error_of(fmt::format(R"({{"model":"x","files":{{"a":"{}"}}}})", digest_of("absent"))),
              HasSubstr("upload it first"));
  EXPECT_THAT(error_of(fmt::format(R"({{"model":"x","files":{{"a":"{}"}}}})", garbage)),
              HasSubstr("\"error\":"));
  EXPECT_THAT(
      error_of(fmt::format(
          R"({{"model":"x","files":{{"a":"{}"}},"template":"{{{{ .Prompt }}}}{{{{ if }}}}"}})", digest)),
      HasSubstr("line 1"));
  EXPECT_THAT(error_of(R"({"model":"x","from":"y","adapters":{"a":"sha256:1"}})"),
              HasSubstr("adapters are not"));
  EXPECT_THAT(error_of(R"({"model":"x","from":"y","parameters":{"speed":1}})"), HasSubstr("no parameter"));
  EXPECT_THAT(error_of(R"({"model":"x","from":"y","messages":[{"role":"tool"}]})"),
              HasSubstr("messages[0].role"));
  EXPECT_TRUE(models_->list().empty());
}

TEST_F(CreateRoutesTest, ModelsAreCopiedAndDeleted) {
  ASSERT_EQ(
      create(fmt::format(R"({{"model":"tale","files":{{"a.gguf":"{}"}},"stream":false}})", upload_stories()))
          .status,
      200);
  EXPECT_EQ(ask("POST", "/api/copy", R"({"source":"tale","destination":"second"})").status, 200);
  EXPECT_EQ(ask("POST", "/api/copy", R"({"source":"nobody","destination":"second"})").status, 404);
  EXPECT_EQ(ask("POST", "/api/copy", R"({"source":"tale","destination":"../x"})").status, 400);
  EXPECT_EQ(ask("POST", "/api/copy", R"({"source":"tale"})").status, 400);
  EXPECT_EQ(models_->list().size(), 2u);
  EXPECT_EQ(ask("DELETE", "/api/delete", R"({"model":"tale"})").status, 200);
  EXPECT_GT(n_blobs(), 0u);
  EXPECT_EQ(ask("DELETE", "/api/delete", R"({"name":"second"})").status, 200);
  EXPECT_EQ(n_blobs(), 0u);
  const Reply missing = ask("DELETE", "/api/delete", R"({"model":"tale"})");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("model 'tale' not found"));
  EXPECT_EQ(ask("DELETE", "/api/delete", "{}").status, 400);
}

}  // namespace
}  // namespace hearth::api::ollama
