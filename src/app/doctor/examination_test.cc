#include "app/doctor/examination.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "app/model_argument.h"
#include "store/model_store.h"

namespace hearth::app {
namespace {

using State = Finding::State;

// The default settings, but for what `change` does to them.
template <typename Change>
Settings with(Change change) {
  Settings settings;
  change(settings);
  return settings;
}

TEST(Examination, SettingsThatCannotBeReadAreBroken) {
  const Finding finding =
      examine_settings(fail(ErrorCategory::kInvalidArgument, "hearth.toml:3: port must be a number"));
  EXPECT_EQ(finding.state, State::kBroken);
  EXPECT_NE(finding.text.find("hearth.toml:3"), std::string::npos);
  EXPECT_FALSE(finding.remedy.empty());
}

TEST(Examination, UnknownKernelsAreBroken) {
  EXPECT_EQ(examine_kernels(with([](Settings& s) { s.kernels = "mmx"; })).state, State::kBroken);
  EXPECT_NE(examine_kernels({}).state, State::kBroken);
}

TEST(Examination, MoreThreadsThanProcessorsAreNoted) {
  EXPECT_EQ(examine_threads(with([](Settings& s) { s.threads = 1024; })).state, State::kNote);
}

TEST(Examination, ATakenPortIsNotedAndAForeignAddressIsBroken) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const uint16_t port = ntohs(address.sin_port);
  const Finding finding = examine_address(with([&](Settings& s) { s.port = port; }));
  EXPECT_EQ(finding.state, State::kNote);
  EXPECT_NE(finding.text.find("does not answer HTTP"), std::string::npos) << finding.text;
  close(listener);
  EXPECT_EQ(examine_address(with([&](Settings& s) { s.port = port; })).state, State::kGood);
  EXPECT_EQ(examine_address(with([&](Settings& s) {
              s.host = "192.0.2.1";
              s.port = port;
            })).state,
            State::kBroken);
}

// Answers one connection after the other with what `reply_to` makes of the request.
class SmallServer {
 public:
  explicit SmallServer(std::function<std::string(const std::string&)> reply_to) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 4), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, reply_to = std::move(reply_to)] {
      for (int client = accept(listener_, nullptr, nullptr); client >= 0;
           client = accept(listener_, nullptr, nullptr)) {
        char request[4096] = {};
        if (read(client, request, sizeof request - 1) > 0) {
          const std::string body = reply_to(request);
          const std::string reply =
              fmt::format("HTTP/1.1 {} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                          body.empty() ? 404 : 200, body.size(), body);
          EXPECT_GT(write(client, reply.data(), reply.size()), 0);
        }
        close(client);
      }
    });
  }
  ~SmallServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  uint16_t port() const { return port_; }

 private:
  int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST(Examination, WhoAnswersOnAPortIsNamed) {
  const auto text_for = [](std::string version, std::string health) {
    const SmallServer server([version, health](const std::string& request) {
      return request.starts_with("GET /api/version ") ? version
             : request.starts_with("GET /health ")    ? health
                                                      : "";
    });
    const Finding finding = examine_address(with([&](Settings& s) { s.port = server.port(); }));
    return fmt::format("{} {}", finding.state == State::kGood ? "good" : "note", finding.text);
  };
  EXPECT_NE(
      text_for(R"({"version":"0.9","hearth":"1.2"})", R"({"status":"ok"})").find("good Hearth 1.2 runs at"),
      std::string::npos);
  EXPECT_NE(text_for(R"({"version":"0.9","hearth":"1.2"})", "").find("note Hearth 1.2 runs at"),
            std::string::npos);
  EXPECT_NE(text_for(R"({"version":"0.9"})", "").find("note Ollama 0.9 runs at"), std::string::npos);
  EXPECT_NE(text_for("", R"({"status":"ok"})").find("llama-server"), std::string::npos);
  EXPECT_NE(text_for("<html>", "").find("another web server"), std::string::npos);
}

TEST(Examination, AFolderThatDoesNotExistYetIsFine) {
  Settings settings;
  settings.data_dir = std::filesystem::path(testing::TempDir()) / "not" / "there";
  EXPECT_NE(examine_disk(settings).state, State::kBroken);
}

TEST(Examination, ExposedWithoutKeysIsNoted) {
  EXPECT_EQ(examine_access({}).state, State::kGood);
  EXPECT_EQ(examine_access(with([](Settings& s) {
              s.host = "0.0.0.0";
              s.require_keys = api::KeyPolicy::kNever;
            })).state,
            State::kNote);
  EXPECT_EQ(examine_access(with([](Settings& s) { s.host = "0.0.0.0"; })).state, State::kNote);  // no key yet
}

TEST(Examination, DamagedContentsAreFound) {
  Settings settings;
  settings.data_dir = std::filesystem::path(testing::TempDir()) / fmt::format("doctor_{}", getpid());
  settings.store_folder = settings.data_dir / "models";
  const auto store = open_store(settings);
  const auto layer = store->blobs().add(store::media_type::kModel, "contents");
  const auto config = store->blobs().add(store::media_type::kConfig, "{}");
  ASSERT_TRUE(layer && config);
  ASSERT_TRUE(store->publish(*store::ModelName::parse("tiny"), {.config = *config, .layers = {*layer}}));
  uint64_t read = 0, all = 0;
  const auto progress = [&](uint64_t done, uint64_t total) {
    read = done;
    all = total;
    return true;
  };
  EXPECT_EQ(examine_contents(settings, progress).at(0).state, State::kGood);
  EXPECT_EQ(read, 8u);
  EXPECT_EQ(all, 8u);
  std::ofstream(store->blobs().path_of(layer->digest)) << "contenTs";  // of the same size
  const auto findings = examine_contents(settings, progress);
  EXPECT_EQ(findings.at(0).state, State::kBroken);
  EXPECT_NE(findings.at(0).text.find("tiny"), std::string::npos) << findings.at(0).text;
  EXPECT_EQ(examine_contents(settings, [](uint64_t, uint64_t) { return false; }).at(0).state, State::kNote);
  std::filesystem::remove_all(settings.data_dir);
}

TEST(Examination, AModelThatIsNotThereIsBroken) {
  const auto findings = examine_models(with([](Settings& s) { s.models = {"/nowhere/model.gguf"}; }));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].state, State::kBroken);
}

TEST(Examination, WhatIsOffIsSaid) {
  const auto findings = examine_features(with([](Settings& s) {
    s.speculation = false;
    s.prefix_disk_gib = 0;
  }));
  EXPECT_GE(findings.size(), 2u);
  EXPECT_TRUE(examine_features({}).empty());
}

}  // namespace
}  // namespace hearth::app
