#include "app/doctor/examination.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

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
  EXPECT_EQ(examine_address(with([&](Settings& s) { s.port = port; })).state, State::kNote);
  close(listener);
  EXPECT_EQ(examine_address(with([&](Settings& s) { s.port = port; })).state, State::kGood);
  EXPECT_EQ(examine_address(with([&](Settings& s) {
              s.host = "192.0.2.1";
              s.port = port;
            })).state,
            State::kBroken);
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
