// Two servers: a registry that one pushes to, pulls from.
#include "api/ollama/transfer_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "api/ollama/wire.h"
#include "api/testing/http_client.h"
#include "registry/testing/scripted_server.h"

namespace hearth::api::ollama {
namespace {

namespace fs = std::filesystem;
using api::testing::Client;
using api::testing::Reply;
using api::testing::RunningServer;
using registry::testing::ScriptedServer;
using registry::testing::serve_content;
using registry::testing::ServerReply;
using ::testing::HasSubstr;

std::string digest_of(std::string_view bytes) {
  return "sha256:" + to_hex(sha256({std::as_bytes(std::span(bytes))}));
}

class TransferRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-transfer-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    models_ = std::make_shared<store::ModelStore>(root_ / "models");
    Router router;
    router.set_error_format("/api", error_format);
    add_transfer_routes(router, models_, {});
    server_.emplace(std::move(router), HttpServerOptions());
  }
  void TearDown() override {
    server_.reset();
    fs::remove_all(root_);
  }
  Reply ask(std::string_view path, std::string_view body) {
    Client client = server_->connect();
    client.send(fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}", path,
                            body.size(), body));
    return client.receive();
  }

  const std::string weights_ = "weights";
  const store::Layer layer_{std::string(store::media_type::kModel), digest_of(weights_), weights_.size()};
  const store::Layer config_{std::string(store::media_type::kConfig), digest_of("{}"), 2};
  const std::string manifest_ = store::Manifest{config_, {layer_}}.to_json();
  fs::path root_;
  std::shared_ptr<store::ModelStore> models_;
  std::optional<RunningServer> server_;
};

TEST_F(TransferRoutesTest, PullsLineByLine) {
  ScriptedServer upstream([&](const auto& request) -> ServerReply {
    if (request.path == "/v2/me/tiny/manifests/latest") return {.body = manifest_};
    if (request.path == "/v2/me/tiny/blobs/" + layer_.digest) return serve_content(request, weights_);
    if (request.path == "/v2/me/tiny/blobs/" + config_.digest) return serve_content(request, "{}");
    return {.status = 404};
  });
  const Reply reply = ask("/api/pull", fmt::format(R"({{"model":"{}/me/tiny"}})", upstream.host()));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("{\"status\":\"pulling manifest\"}\n"));
  EXPECT_THAT(reply.body,
              HasSubstr(fmt::format("\"digest\":\"{}\",\"total\":7,\"completed\":7", layer_.digest)));
  EXPECT_TRUE(reply.body.ends_with("{\"status\":\"success\"}\n")) << reply.body;
  EXPECT_TRUE(models_->find(upstream.host() + "/me/tiny"));

  const Reply last =
      ask("/api/pull", fmt::format(R"({{"model":"{}/me/tiny","stream":false}})", upstream.host()));
  EXPECT_EQ(last.body, "{\"status\":\"success\"}");
  const Reply none =
      ask("/api/pull", fmt::format(R"({{"model":"{}/me/none","stream":false}})", upstream.host()));
  EXPECT_EQ(none.status, 404);
  EXPECT_THAT(none.body, HasSubstr("me/none"));
}

TEST_F(TransferRoutesTest, PushesWhatTheRegistryLacks) {
  std::vector<std::string> done;
  ScriptedServer upstream([&](const auto& request) -> ServerReply {
    done.push_back(request.method + " " + request.path);
    if (request.method == "HEAD") return {.status = request.path.ends_with(config_.digest) ? 200 : 404};
    if (request.method == "POST") return {.status = 202, .headers = {{"Location", "/upload?id=1"}}};
    return {.status = 201};
  });
  const std::string name = upstream.host() + "/me/tiny:1b";
  ASSERT_TRUE(models_->blobs().add(layer_.media_type, weights_));
  ASSERT_TRUE(models_->blobs().add(config_.media_type, "{}"));
  ASSERT_TRUE(models_->publish(*store::ModelName::parse(name), *store::Manifest::parse(manifest_)));
  const Reply reply = ask("/api/push", fmt::format(R"({{"model":"{}"}})", name));
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body.ends_with("{\"status\":\"success\"}\n")) << reply.body;
  std::string digest = layer_.digest;
  digest.replace(6, 1, "%3A");
  EXPECT_THAT(done, ::testing::ElementsAre(
                        "HEAD /v2/me/tiny/blobs/" + layer_.digest, "POST /v2/me/tiny/blobs/uploads/",
                        "PUT /upload?id=1&digest=" + digest, "HEAD /v2/me/tiny/blobs/" + config_.digest,
                        "PUT /v2/me/tiny/manifests/1b"));
}

TEST_F(TransferRoutesTest, RefusesWhatItCannotDo) {
  EXPECT_EQ(ask("/api/pull", "{}").status, 400);
  EXPECT_EQ(ask("/api/pull", R"({"model":"../x"})").status, 400);
  EXPECT_THAT(ask("/api/pull", R"({"model":"x","insecure":true})").body, HasSubstr("registries"));
  EXPECT_EQ(ask("/api/push", R"({"model":"none","stream":false})").status, 404);
}

}  // namespace
}  // namespace hearth::api::ollama
