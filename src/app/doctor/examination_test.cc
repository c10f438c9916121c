#include "app/doctor/examination.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "app/model_argument.h"
#include "store/model_store.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
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

class StoreExamination : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::path(testing::TempDir()) / "doctor-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    settings_.data_dir = folder_ = name;
    settings_.store_folder = folder_ / "models";
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path use_folder(const char* name) {
    const fs::path folder = folder_ / name;
    settings_.model_folders.push_back(folder);
    settings_.model_sources.push_back({store::ModelSource::Kind::kFolder, folder});
    return folder;
  }
  // Of the findings in that state, each with what to do; the program's own model is not counted.
  std::string texts(State state) const {
    std::string texts;
    for (const Finding& finding : examine_store(settings_)) {
      if (finding.state != state) continue;
      EXPECT_EQ(finding.remedy.empty(), state == State::kGood) << finding.text;
      texts += finding.text + "\n";
    }
    return texts;
  }

  static constexpr const char* kModel = HEARTH_TEST_DATA "/models/stories260K.gguf";
  fs::path folder_;
  Settings settings_;
};

TEST_F(StoreExamination, FilesThatCannotBeUsedAreNamedWhereverTheyLie) {
  const fs::path others = use_folder("others");
  fs::create_directories(others);
  fs::copy_file(kModel, others / "half.gguf");
  fs::copy_file(kModel, folder_ / "mine.gguf");
  ASSERT_TRUE(open_store(settings_)->import_file(*store::ModelName::parse("mine"), folder_ / "mine.gguf"));
  EXPECT_EQ(texts(State::kBroken), "");
  EXPECT_NE(texts(State::kGood).find("models: 1 model can be used, nothing is wrong"), std::string::npos);
  EXPECT_NE(texts(State::kGood).find("\n1 model in folders of other programs"), std::string::npos);

  fs::resize_file(others / "half.gguf", 300000);
  fs::remove(folder_ / "mine.gguf");
  const std::string broken = texts(State::kBroken);
  EXPECT_NE(broken.find((others / "half.gguf").string()), std::string::npos) << broken;
  EXPECT_NE(broken.find("the model \"mine:latest\""), std::string::npos) << broken;
  EXPECT_EQ(texts(State::kGood).find("nothing is wrong"), std::string::npos);
}

TEST_F(StoreExamination, FoldersThatAreMissingOrCannotBeReadAreNamed) {
  const fs::path missing = use_folder("missing");
  const fs::path file = use_folder("file");
  const fs::path loop = use_folder("loop");
  std::ofstream(file) << "no folder";
  fs::create_symlink("loop", loop);  // not even root can enter it
  const std::string noted = texts(State::kNote);
  EXPECT_NE(noted.find(missing.string() + ", which is not there"), std::string::npos) << noted;
  EXPECT_NE(noted.find(file.string() + ", which is no folder"), std::string::npos) << noted;
  EXPECT_NE(noted.find(loop.string() + " cannot be read"), std::string::npos) << noted;
  EXPECT_EQ(texts(State::kBroken), "");

  fs::create_symlink("models", settings_.store_folder);
  EXPECT_NE(texts(State::kBroken).find(settings_.store_folder.string() + " cannot be read"),
            std::string::npos);
  EXPECT_EQ(texts(State::kGood).find("can be used"), std::string::npos);
  EXPECT_EQ(examine_contents(settings_, [](uint64_t, uint64_t) { return true; }).at(0).state, State::kBroken);
}

TEST_F(StoreExamination, WhatStoppedDownloadsLeaveIsNoted) {
  const auto blobs = open_store(settings_)->blobs();
  fs::create_directories(blobs.folder());
  EXPECT_EQ(texts(State::kNote), "");
  const fs::path partial = blobs.partial_path_of("sha256:" + std::string(64, 'a'));
  std::ofstream(partial) << "half";
  std::ofstream(fs::path(partial).concat(".parts")) << "1";
  EXPECT_NE(texts(State::kNote).find("are of an unfinished download"), std::string::npos);
}

TEST(Examination, CertificatesThatAreNotThereAreBroken) {
  EXPECT_EQ(examine_registries({}).state, State::kGood);
  const Finding finding = examine_registries(with([](Settings& s) { s.registry_ca_file = "/nowhere.pem"; }));
  EXPECT_EQ(finding.state, State::kBroken);
  EXPECT_NE(finding.text.find("registry_ca_file names /nowhere.pem"), std::string::npos) << finding.text;
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
