#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "registry/blob_download.h"
#include "registry/hugging_face.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/testing/scripted_server.h"

namespace hearth::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScriptedServer;
using testing::serve_content;
using testing::ServerReply;
using testing::ServerRequest;

std::string digest_of(std::string_view bytes) {
  return "sha256:" + to_hex(sha256({std::as_bytes(std::span(bytes))}));
}

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// 10,000 bytes that do not repeat, of which every part is another one.
std::string sample() {
  std::string bytes;
  for (uint32_t i = 0; bytes.size() < 10'000; ++i) bytes += fmt::format("{:x}.", i * 2'654'435'761u);
  bytes.resize(10'000);
  return bytes;
}

class RegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "hearth-registry-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    models_ = std::make_unique<store::ModelStore>(folder_ / "models");
    options_.part_bytes = 1'000;
    options_.retries.first_pause = std::chrono::milliseconds(1);
    options_.report = [this](uint64_t done) { reports_.push_back(done); };
  }
  void TearDown() override { fs::remove_all(folder_); }

  Status download(const ScriptedServer& server) {
    const DownloadSource source{"http://" + server.host() + "/blob", authorization_, true};
    return download_blob(models_->blobs(), layer_, source, options_);
  }
  fs::path path() const { return models_->blobs().path_of(layer_.digest); }
  fs::path partial() const { return models_->blobs().partial_path_of(layer_.digest); }
  fs::path notes() const { return partial().concat(".parts"); }

  // Downloads over one connection, which ends after so many bytes of the first reply.
  void download_until_cut(size_t cut_after) {
    DownloadOptions options = options_;
    options.n_connections = 1;
    options.retries.n_attempts = 1;
    ScriptedServer cut([&](const ServerRequest& request) {
      ServerReply reply = serve_content(request, content_);
      reply.cut_after = cut_after;
      return reply;
    });
    const DownloadSource source{"http://" + cut.host() + "/blob", authorization_, true};
    const Status failed = download_blob(models_->blobs(), layer_, source, options);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().category, ErrorCategory::kIo);
  }
  size_t n_files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(models_->blobs().folder()), fs::directory_iterator()));
  }

  const std::string content_ = sample();
  const store::Layer layer_{std::string(store::media_type::kModel), digest_of(content_), content_.size()};
  fs::path folder_;
  std::unique_ptr<store::ModelStore> models_;
  DownloadOptions options_;
  std::vector<uint64_t> reports_;
  std::shared_ptr<Authorization> authorization_ = std::make_shared<Authorization>("Bearer secret");
};

TEST_F(RegistryTest, DownloadsInParts) {
  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(contents(path()), content_);
  EXPECT_EQ(n_files(), 1u);
  EXPECT_EQ(server.requests().size(), 10u);
  EXPECT_EQ(reports_.back(), content_.size());
  EXPECT_TRUE(std::is_sorted(reports_.begin(), reports_.end()));
  ASSERT_TRUE(download(server));  // is there
  EXPECT_EQ(server.requests().size(), 10u);
}

TEST_F(RegistryTest, TriesAgainWhereItMayHelp) {
  int n = 0;
  ScriptedServer server([&](const ServerRequest& request) {
    ServerReply reply = serve_content(request, content_);
    switch (n++ % 4) {
      case 0:
        return ServerReply{.status = 503};
      case 1:
        return ServerReply{.status = 429, .headers = {{"Retry-After", "0"}}};
      case 2:
        reply.cut_after = 100;
    }
    return reply;
  });
  options_.retries.n_attempts = 40;
  options_.n_connections = 1;
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(contents(path()), content_);
  EXPECT_TRUE(std::is_sorted(reports_.begin(), reports_.end()));
}

TEST_F(RegistryTest, GoesOnWhereItWasCutOff) {
  int n = 0;
  options_.n_connections = 1;
  options_.retries.n_attempts = 2;
  ScriptedServer cut([&](const ServerRequest& request) {
    return n++ < 4 ? serve_content(request, content_) : ServerReply{.status = 500};
  });
  const Status failed = download(cut);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().category, ErrorCategory::kIo);
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_GT(downloaded_bytes(models_->blobs(), layer_), 0u);

  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  reports_.clear();
  ASSERT_TRUE(download(server));
  EXPECT_EQ(server.requests().size(), 6u);
  EXPECT_EQ(reports_.front(), 4'000u);
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, GoesOnInsideAPart) {
  options_.n_connections = 1;
  download_until_cut(300);
  download_until_cut(200);
  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  reports_.clear();
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(reports_.front(), 500u);
  EXPECT_EQ(server.requests()[0].headers["range"], "bytes=500-999");
  EXPECT_EQ(server.requests().size(), 10u);
  EXPECT_EQ(contents(path()), content_);
  EXPECT_EQ(n_files(), 1u);
}

TEST_F(RegistryTest, AStopKeepsWhatHasCome) {
  std::atomic<bool> cancelled = false;
  options_.cancelled = &cancelled;
  options_.n_connections = 1;
  int n = 0;
  ScriptedServer stopped([&](const ServerRequest& request) {
    cancelled = n++ > 0;
    ServerReply reply = serve_content(request, content_);
    reply.cut_after = cancelled ? 0 : 300;
    return reply;
  });
  EXPECT_EQ(download(stopped).error().category, ErrorCategory::kCancelled);
  cancelled = false;
  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  ASSERT_TRUE(download(server));
  EXPECT_EQ(server.requests()[0].headers["range"], "bytes=300-999");
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, AKillKeepsWhatHasBeenNoted) {
  options_.n_connections = 1;
  options_.notes_every = std::chrono::milliseconds(1);
  const store::ModelStore killed(folder_ / "killed");
  std::string nothing;
  int n = 0;
  ScriptedServer server([&](const ServerRequest& request) {
    ServerReply reply = serve_content(request, content_);
    if (n++ == 0) {
      nothing = contents(notes());
      reply.cut_after = 300;
    } else if (n == 2) {  // what is on the disk while the download waits for this
      while (contents(notes()) == nothing) std::this_thread::yield();
      fs::create_directories(killed.blobs().folder());
      fs::copy(models_->blobs().folder(), killed.blobs().folder());
    }
    return reply;
  });
  ASSERT_TRUE(download(server));

  ScriptedServer again([&](const ServerRequest& request) { return serve_content(request, content_); });
  const DownloadSource source{"http://" + again.host() + "/blob", authorization_, true};
  const Status done = download_blob(killed.blobs(), layer_, source, options_);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(again.requests()[0].headers["range"], "bytes=300-999");
  EXPECT_EQ(contents(killed.blobs().path_of(layer_.digest)), content_);
}

TEST_F(RegistryTest, GetsThereOverAConnectionThatIsCutAgainAndAgain) {
  options_.n_connections = 1;
  options_.retries.n_attempts = 2;
  ScriptedServer server([&](const ServerRequest& request) {
    ServerReply reply = serve_content(request, content_);
    reply.cut_after = 300;
    return reply;
  });
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(server.requests().size(), 40u) << "300, 300, 300 and 100 of each part";
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, GoesOnFromNotesOfWholeParts) {
  options_.n_connections = 1;
  fs::create_directories(models_->blobs().folder());
  std::ofstream(partial(), std::ios::binary) << content_.substr(0, 2'000) << std::string(8'000, '\0');
  std::ofstream(notes(), std::ios::binary) << "10000 1000\n" << std::string(2, '\1') << std::string(8, '\0');
  download_until_cut(300);
  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  ASSERT_TRUE(download(server));
  EXPECT_EQ(server.requests()[0].headers["range"], "bytes=2300-2999");
  EXPECT_EQ(server.requests().size(), 8u);
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, StartsAnewWhereTheNotesAreNone) {
  download_until_cut(300);
  const std::string good = contents(notes());
  for (const std::string& bad : {good.substr(0, good.size() - 8) + std::string(8, '\xff'), good + "x",
                                 good.substr(1), "10001" + good.substr(5), std::string()}) {
    std::ofstream(partial(), std::ios::binary) << std::string(content_.size(), 'x');
    std::ofstream(notes(), std::ios::binary) << bad;
    ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
    const Status done = download(server);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(server.requests().size(), 10u) << "nothing was taken for there";
    EXPECT_EQ(contents(path()), content_);
    fs::remove(path());
  }
}

TEST_F(RegistryTest, TakesAllOfABlobWhereItsEndWasAskedFor) {
  options_.part_bytes = 100'000;
  download_until_cut(4'000);
  ScriptedServer server([&](const ServerRequest&) { return ServerReply{.body = content_}; });
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(server.requests()[0].headers["range"], "bytes=4000-9999");
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, StartsAnewWhereWhatIsKeptIsDamaged) {
  int n = 0;
  options_.n_connections = 1;
  options_.retries.n_attempts = 1;
  ScriptedServer cut([&](const ServerRequest& request) {
    return n++ < 4 ? serve_content(request, content_) : ServerReply{.status = 500};
  });
  ASSERT_FALSE(download(cut));
  {
    std::fstream file(partial(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1'500);
    file << "damage";
  }
  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, FetchesAllInOneWhereThereAreNoParts) {
  ScriptedServer server([&](const ServerRequest&) { return ServerReply{.body = content_}; });
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, RefusesWhatIsNotTheBlob) {
  std::string other = content_;
  other[5'000] ^= 1;
  ScriptedServer wrong([&](const ServerRequest& request) { return serve_content(request, other); });
  EXPECT_THAT(download(wrong).error().message, HasSubstr("is not the blob"));
  EXPECT_FALSE(fs::exists(partial()));

  ScriptedServer short_one(
      [&](const ServerRequest& request) { return serve_content(request, content_.substr(0, 9'500)); });
  EXPECT_EQ(download(short_one).error().category, ErrorCategory::kCorrupt);

  ScriptedServer liar([&](const ServerRequest& request) {
    ServerReply reply = serve_content(request, content_);
    reply.headers = {{"Content-Range", "bytes 0-999/10000"}};
    return reply;
  });
  options_.n_connections = 1;
  EXPECT_EQ(download(liar).error().category, ErrorCategory::kCorrupt);

  ScriptedServer endless([&](const ServerRequest& request) {
    ServerReply reply = serve_content(request, content_);
    reply.body += std::string(20'000, 'x');
    return reply;
  });
  EXPECT_THAT(download(endless).error().message, HasSubstr("more than"));
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(RegistryTest, AWrongPartIsAskedForAgainAndTheOthersAreKept) {
  options_.n_connections = 1;
  int n = 0;
  const auto lie = [&](const ServerRequest& request, bool wrong) {
    ServerReply reply = serve_content(request, content_);
    if (wrong) reply.headers = {{"Content-Range", "bytes 0-999/10000"}};
    return reply;
  };
  ScriptedServer for_ever([&](const ServerRequest& request) { return lie(request, n++ >= 4); });
  const Status failed = download(for_ever);
  EXPECT_EQ(failed.error().category, ErrorCategory::kCorrupt);
  EXPECT_GT(downloaded_bytes(models_->blobs(), layer_), 0u);

  n = 0;
  ScriptedServer once([&](const ServerRequest& request) { return lie(request, n++ == 2); });
  const Status done = download(once);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(once.requests().size(), 7u) << "four parts were there";
  EXPECT_EQ(contents(path()), content_);
}

TEST_F(RegistryTest, WhoWaitsForAnothersDownloadSeesHowFarItIs) {
  std::promise<void> second_waits;
  int n = 0;
  options_.n_connections = 1;
  ScriptedServer server([&](const ServerRequest& request) {
    if (n++ == 5) second_waits.get_future().wait();
    return serve_content(request, content_);
  });
  Status first_done;
  std::atomic<bool> begun = false;
  DownloadOptions first_options = options_;
  first_options.report = [&](uint64_t done) { begun = begun || done > 0; };
  std::thread first([&] {
    const DownloadSource source{"http://" + server.host() + "/blob", authorization_, true};
    first_done = download_blob(models_->blobs(), layer_, source, first_options);
  });
  while (!begun) std::this_thread::yield();
  std::vector<uint64_t> seen;
  options_.report = [&](uint64_t done) {
    seen.push_back(done);
    if (seen.size() == 1) second_waits.set_value();
  };
  const Status done = download(server);
  first.join();
  ASSERT_TRUE(first_done) << first_done.error().message;
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(server.requests().size(), 10u);
  ASSERT_FALSE(seen.empty());
  EXPECT_GT(seen.front(), 0u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(RegistryTest, TellsOtherHostsNoSecrets) {
  ScriptedServer storage([&](const ServerRequest& request) { return serve_content(request, content_); });
  ScriptedServer server([&](const ServerRequest&) {
    return ServerReply{.status = 307,
                       .headers = {{"Location", "http://" + storage.host() + "/x?signature=1"}}};
  });
  const Status done = download(server);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(server.requests()[0].headers["authorization"], "Bearer secret");
  for (ServerRequest& request : storage.requests()) EXPECT_EQ(request.headers.count("authorization"), 0u);
}

TEST_F(RegistryTest, IsNotLedToFurtherNeighbours) {
  ScriptedServer other([&](const ServerRequest& request) { return serve_content(request, content_); });
  ScriptedServer server([&](const ServerRequest&) {
    const std::string port = other.host().substr(other.host().find(':'));
    return ServerReply{.status = 307, .headers = {{"Location", "http://localhost" + port + "/x"}}};
  });
  const Status done = download(server);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("registries"));
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(RegistryTest, FollowsNoCircles) {
  ScriptedServer server([&](const ServerRequest&) {
    return ServerReply{.status = 302, .headers = {{"Location", "/blob?again"}}};
  });
  EXPECT_THAT(download(server).error().message, HasSubstr("circles"));
}

TEST_F(RegistryTest, ConnectsToNoNeighbourUnlessAllowed) {
  ScriptedServer server([&](const ServerRequest& request) { return serve_content(request, content_); });
  const DownloadSource source{"http://" + server.host() + "/blob", nullptr, false};
  const Status done = download_blob(models_->blobs(), layer_, source, options_);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("registries"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(RegistryTest, StopsWhenCancelled) {
  std::atomic<bool> cancelled = false;
  options_.cancelled = &cancelled;
  ScriptedServer server([&](const ServerRequest&) {
    cancelled = true;
    return ServerReply{.status = 503};
  });
  EXPECT_EQ(download(server).error().category, ErrorCategory::kCancelled);
}

TEST(RegistryPolicyTest, KnowsWhoMayBeAsked) {
  EXPECT_EQ(RegistryPolicy().endpoint("registry.ollama.ai")->base, "https://registry.ollama.ai");
  EXPECT_FALSE(RegistryPolicy().endpoint("10.0.0.5:5000")->allow_private_addresses);
  EXPECT_EQ(RegistryPolicy().endpoint("localhost:5000")->base, "http://localhost:5000");
  const RegistryPolicy policy({"http://10.0.0.5:5000", "hub.example"});
  EXPECT_EQ(policy.endpoint("10.0.0.5:5000")->base, "http://10.0.0.5:5000");
  EXPECT_TRUE(policy.endpoint("10.0.0.5:5000")->allow_private_addresses);
  EXPECT_EQ(policy.endpoint("HUB.example")->base, "https://HUB.example");
  EXPECT_TRUE(policy.endpoint("localhost:5000"));
  EXPECT_EQ(policy.endpoint("[::1]:5000")->base, "http://[::1]:5000");
  EXPECT_TRUE(RegistryPolicy({"hf.co"}).endpoint("huggingface.co"));
  EXPECT_TRUE(RegistryPolicy({"huggingface.co"}).endpoint("HF.co"));
  EXPECT_FALSE(policy.endpoint("hf.co"));
  EXPECT_THAT(policy.endpoint("registry.ollama.ai").error().message, HasSubstr("hub.example"));
  const RegistryPolicy without_file({"http://10.0.0.5:5000", "hub.example"}, "/nowhere/ca.pem");
  EXPECT_TRUE(without_file.endpoint("10.0.0.5:5000"));
  EXPECT_THAT(without_file.endpoint("hub.example").error().message,
              HasSubstr("registry_ca_file names /nowhere/ca.pem"));
  EXPECT_FALSE(check_ca_file("/proc/self/status")) << "no certificate";
}

// A registry of one model that wants a token.
class PullTest : public RegistryTest {
 protected:
  void SetUp() override {
    RegistryTest::SetUp();
    transfer_.retries.first_pause = std::chrono::milliseconds(1);
  }

  ServerReply answer(const ServerRequest& request) {
    if (request.path.starts_with("/token?")) {
      token_request_ = request.path;
      ++n_tokens_;
      return {.body = fmt::format(R"({{"token":"abc{}"}})", n_tokens_)};
    }
    const auto authorization = request.headers.find("authorization");
    if (authorization == request.headers.end() ||
        authorization->second != fmt::format("Bearer abc{}", n_tokens_)) {
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + host_ +
                                                   "/token\",service=\"me\",scope=\"repository:a/b:pull\""}}};
    }
    if (request.path == "/v2/me/tiny/manifests/1b") return {.body = manifest_};
    if (request.path == "/v2/me/tiny/blobs/" + layer_.digest) return serve_content(request, content_);
    if (request.path == "/v2/me/tiny/blobs/" + config_.digest) return serve_content(request, "{}");
    return {.status = 404,
            .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"not\u001b[31m known"}]})"};
  }

  store::Layer config_{std::string(store::media_type::kConfig), digest_of("{}"), 2};
  std::string manifest_ = store::Manifest{config_, {layer_}}.to_json() + "\n";
  std::string host_;
  std::string token_request_;
  int n_tokens_ = 0;
  TransferOptions transfer_;
};

TEST_F(PullTest, PullsAModelWithATokenWhereOneIsAskedFor) {
  ScriptedServer server([&](const ServerRequest& request) { return answer(request); });
  host_ = server.host();
  std::vector<std::string> statuses;
  TransferOptions options;
  options.report = [&](const TransferProgress& progress) {
    if (statuses.empty() || statuses.back() != progress.status) statuses.push_back(progress.status);
  };
  const Status done = pull_model(*models_, server.host() + "/me/tiny:1b", options);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(token_request_, "/token?service=me&scope=repository%3Aa%2Fb%3Apull");
  EXPECT_THAT(statuses, ElementsAre("pulling manifest", "pulling " + layer_.digest.substr(7, 12),
                                    "pulling " + config_.digest.substr(7, 12), "verifying sha256 digest",
                                    "writing manifest", "success"));
  const auto model = models_->find(server.host() + "/me/tiny:1b");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(contents(model->files[0]), content_);
  EXPECT_EQ(model->digest, digest_of(manifest_).substr(7));

  const Status none = pull_model(*models_, server.host() + "/me/other", {});
  EXPECT_EQ(none.error().category, ErrorCategory::kNotFound);
  EXPECT_EQ(none.error().message.find('\x1b'), std::string::npos);
}

TEST_F(PullTest, TellsWhatWasThereBefore) {
  options_.part_bytes = DownloadOptions().part_bytes;
  download_until_cut(4'000);
  ScriptedServer server([&](const ServerRequest& request) { return answer(request); });
  host_ = server.host();
  std::vector<uint64_t> kept;
  TransferProgress last;
  transfer_.report = [&](const TransferProgress& progress) {
    if (progress.all_done_bytes > 0) kept.push_back(progress.all_kept_bytes);
    last = progress;
  };
  ASSERT_TRUE(pull_model(*models_, server.host() + "/me/tiny:1b", transfer_));
  EXPECT_THAT(kept, ::testing::Each(4'000u));
  EXPECT_EQ(last.all_done_bytes, 10'002u);
  ASSERT_TRUE(pull_model(*models_, server.host() + "/me/tiny:1b", transfer_));
  EXPECT_EQ(last.all_kept_bytes, 10'002u);
}

TEST_F(PullTest, AsksAgainForManifestsAndTokens) {
  int n = 0;
  ScriptedServer server([&](const ServerRequest& request) -> ServerReply {
    switch (n++) {
      case 0:
        return {.status = 503};
      case 2:  // the token
        return {.status = 429, .headers = {{"Retry-After", "0"}}};
      case 4:
        return {.body = manifest_, .cut_after = 20};
    }
    return answer(request);
  });
  host_ = server.host();
  const Status done = pull_model(*models_, server.host() + "/me/tiny:1b", transfer_);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(n_tokens_, 1);
}

TEST_F(PullTest, GivesUpAfterSomeAttempts) {
  std::atomic<int> n = 0;
  int retry_after = 0;
  ScriptedServer server([&](const ServerRequest&) -> ServerReply {
    ++n;
    return {.status = 429, .headers = {{"Retry-After", std::to_string(retry_after)}}};
  });
  const Status failed = pull_model(*models_, server.host() + "/me/tiny:1b", transfer_);
  EXPECT_EQ(failed.error().category, ErrorCategory::kOverloaded);
  EXPECT_EQ(n, 4);
  n = 0;
  retry_after = 600;
  EXPECT_FALSE(pull_model(*models_, server.host() + "/me/tiny:1b", transfer_));
  EXPECT_EQ(n, 1) << "nobody waits that long";
}

TEST_F(PullTest, RenewsATokenThatRunsOut) {
  int n_blobs = 0;
  ScriptedServer server([&](const ServerRequest& request) {
    if (request.path.find("/blobs/") != std::string::npos && n_blobs++ == 0)
      n_tokens_ = 7;  // the old one is void
    return answer(request);
  });
  host_ = server.host();
  const Status done = pull_model(*models_, server.host() + "/me/tiny:1b", transfer_);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(n_tokens_, 8);
}

// A registry that takes what is pushed, but for what it refuses first.
TEST_F(PullTest, PushesAgainWhatDidNotArrive) {
  ScriptedServer source([&](const ServerRequest& request) { return answer(request); });
  host_ = source.host();
  ASSERT_TRUE(pull_model(*models_, source.host() + "/me/tiny:1b", transfer_));
  std::vector<std::string> done_requests;
  int n = 0, n_puts = 0;
  ScriptedServer registry([&](const ServerRequest& request) -> ServerReply {
    if (n++ % 3 == 0) return {.status = 500};
    if (request.method == "HEAD") return {.status = 404};
    if (request.method == "POST") return {.status = 202, .headers = {{"Location", "/upload/1"}}};
    if (request.path.starts_with("/upload/") && n_puts++ == 0) return {.status = 502};
    done_requests.push_back(request.method + " " + request.path.substr(0, 10));
    return {.status = 201};
  });
  const auto name = store::ModelName::parse(registry.host() + "/me/tiny:1b");
  ASSERT_TRUE(models_->copy(source.host() + "/me/tiny:1b", *name));
  std::vector<uint64_t> reports;
  transfer_.report = [&](const TransferProgress& progress) { reports.push_back(progress.all_done_bytes); };
  transfer_.retries.n_attempts = 10;
  const Status done = push_model(*models_, registry.host() + "/me/tiny:1b", transfer_);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(done_requests, ElementsAre("PUT /upload/1?", "PUT /upload/1?", "PUT /v2/me/tin"));
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
}

TEST_F(PullTest, SaysOfWhatIsPushedThatItIsThereAlready) {
  ScriptedServer source([&](const ServerRequest& request) { return answer(request); });
  host_ = source.host();
  ASSERT_TRUE(pull_model(*models_, source.host() + "/me/tiny:1b", transfer_));
  ScriptedServer registry([&](const ServerRequest& request) {
    if (request.method == "HEAD")
      return ServerReply{.status = request.path.ends_with(layer_.digest) ? 200 : 404};
    if (request.method == "POST") return ServerReply{.status = 202, .headers = {{"Location", "/upload/1"}}};
    return ServerReply{.status = 201};
  });
  ASSERT_TRUE(models_->copy(source.host() + "/me/tiny:1b",
                            *store::ModelName::parse(registry.host() + "/me/tiny:1b")));
  std::vector<std::string> statuses;
  TransferProgress last;
  transfer_.report = [&](const TransferProgress& progress) {
    if (statuses.empty() || statuses.back() != progress.status) statuses.push_back(progress.status);
    last = progress;
  };
  const Status done = push_model(*models_, registry.host() + "/me/tiny:1b", transfer_);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(statuses,
              ElementsAre("retrieving manifest", "already there: " + layer_.digest.substr(7, 12),
                          "pushing " + config_.digest.substr(7, 12), "pushing manifest", "success"));
  EXPECT_EQ(last.all_kept_bytes, layer_.size);
}

TEST_F(PullTest, RefusesManifestsThatAreNone) {
  ScriptedServer server([&](const ServerRequest& request) { return answer(request); });
  host_ = server.host();
  for (const char* text : {"", "{}", "<html>", R"({"schemaVersion":2,"config":{},"layers":[]})"}) {
    manifest_ = text;
    EXPECT_EQ(pull_model(*models_, server.host() + "/me/tiny:1b", {}).error().category,
              ErrorCategory::kCorrupt);
  }
  EXPECT_TRUE(models_->list().empty());
}

TEST_F(PullTest, FetchesNothingWhereTheDiskHasNoRoom) {
  ScriptedServer server([&](const ServerRequest& request) { return answer(request); });
  host_ = server.host();
  store::Layer huge = layer_;
  huge.size = uint64_t{1} << 49;
  manifest_ = store::Manifest{config_, {huge}}.to_json();
  const Status done = pull_model(*models_, server.host() + "/me/tiny:1b", {});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("no room"));
  for (const ServerRequest& request : server.requests())
    EXPECT_EQ(request.path.find("/blobs/"), std::string::npos);
}

TEST(HuggingFaceTest, ChoosesTheFilesThatATagMeans) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::vector<HubFile> files = {{"README.md", 1, ""},
                                      {"M-Q8_0.gguf", 1, digest},
                                      {"M-Q4_K_M.gguf", 1, digest},
                                      {"M-Q4_K_S.gguf", 1, digest},
                                      {"mmproj-M-f16.gguf", 1, digest},
                                      {"BF16/M-BF16-00002-of-00002.gguf", 2, digest},
                                      {"BF16/M-BF16-00001-of-00002.gguf", 1, digest}};
  const auto chosen = [&](const char* tag) {
    const auto model = choose_hub_files(files, tag);
    std::string text = model ? model->quantization : model.error().message;
    if (model) {
      for (const HubFile& file : model->files) text += " " + file.path;
    }
    return text;
  };
  EXPECT_EQ(chosen("latest"), "Q4_K_M M-Q4_K_M.gguf");
  EXPECT_EQ(chosen("q8_0"), "Q8_0 M-Q8_0.gguf");
  EXPECT_EQ(chosen("M-Q4_K_S.gguf"), "Q4_K_S M-Q4_K_S.gguf");
  EXPECT_EQ(chosen("bf16"), "BF16 BF16/M-BF16-00001-of-00002.gguf BF16/M-BF16-00002-of-00002.gguf");
  EXPECT_THAT(chosen("Q2_K"), HasSubstr("Q4_K_M, Q4_K_S, Q8_0"));
  EXPECT_FALSE(choose_hub_files({{"README.md", 1, ""}}, "latest"));
  EXPECT_FALSE(choose_hub_files({{"M.gguf", 1, ""}}, "latest"));
}

TEST_F(RegistryTest, PullsFromAHubWithShards) {
  const std::string first = content_.substr(0, 3'000), second = content_.substr(3'000);
  ScriptedServer hub([&](const ServerRequest& request) -> ServerReply {
    if (request.path == "/api/models/u/r") return {.body = R"({"sha":"c0ffee"})"};
    if (request.path == "/api/models/u/r/tree/c0ffee?recursive=true") {
      return {.body = fmt::format(R"([{{"path":"M-Q8_0-00002-of-00002.gguf","size":{},"lfs":{{"oid":"{}"}}}},
                                      {{"path":"M-Q8_0-00001-of-00002.gguf","size":{},"lfs":{{"oid":"{}"}}}}])",
                                  second.size(), digest_of(second).substr(7), first.size(),
                                  digest_of(first).substr(7))};
    }
    if (request.path == "/u/r/resolve/c0ffee/M-Q8_0-00001-of-00002.gguf")
      return serve_content(request, first);
    if (request.path == "/u/r/resolve/c0ffee/M-Q8_0-00002-of-00002.gguf")
      return serve_content(request, second);
    return {.status = 404};
  });
  TransferOptions options;
  options.policy = RegistryPolicy({"hub.example"});
  EXPECT_THAT(pull_model(*models_, "hf.co/u/r:Q8_0", options).error().message, HasSubstr("does not allow"));
  options.hub_base = "http://" + hub.host();  // this machine
  const Status done = pull_model(*models_, "hf.co/u/r:Q8_0", options);
  ASSERT_TRUE(done) << done.error().message;
  const auto model = models_->find("hf.co/u/r:q8_0");
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->files.size(), 2u);
  EXPECT_EQ(contents(model->files[0]) + contents(model->files[1]), content_);
}

}  // namespace
}  // namespace hearth::registry
