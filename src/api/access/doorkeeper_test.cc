#include "api/access/doorkeeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>

namespace hearth::api {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DoorkeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-doors-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    chat_ = add("chat", {Scope::kChat});
    manage_ = add("manage", {Scope::kManage});
    both_ = add("both", {Scope::kChat, Scope::kManage});
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path path() const { return folder_ / "keys.json"; }

  std::string add(const std::string& name, std::vector<Scope> scopes, std::optional<int64_t> expires = {}) {
    auto key = keys_.add(name, std::move(scopes), std::time(nullptr), expires);
    save();
    return *key;
  }
  void save() const {
    std::ofstream(folder_ / "new") << keys_.to_text();
    chmod((folder_ / "new").c_str(), 0600);
    fs::rename(folder_ / "new", path());
  }

  struct Outcome {
    int status = 200;
    std::string message;
    int retry_after = 0;
    std::string owner;
    std::optional<Doorkeeper::Admission> admission;
  };
  static Outcome ask(Doorkeeper& keeper, Headers headers, Scope scope = Scope::kChat,
                     std::string_view address = "192.0.2.1") {
    HttpRequest request;
    request.headers = std::move(headers);
    auto answer = keeper.admit(request, scope, address);
    Outcome outcome;
    outcome.owner = request.owner_name;
    if (auto* error = std::get_if<ApiError>(&answer)) {
      outcome.status = error->status;
      outcome.message = error->message;
      outcome.retry_after = error->retry_after_seconds;
    } else {
      outcome.admission.emplace(std::move(std::get<Doorkeeper::Admission>(answer)));
    }
    return outcome;
  }
  static Headers bearer(const std::string& key) { return {{"authorization", "Bearer " + key}}; }

  fs::path folder_;
  ApiKeys keys_;
  std::string chat_, manage_, both_;
};

// Every kind of caller at every kind of route.
TEST_F(DoorkeeperTest, RightsMatrix) {
  const std::string expired = add("expired", {Scope::kChat, Scope::kManage}, std::time(nullptr) - 1);
  const struct {
    const char* who;
    Headers headers;
    int open, chat, manage;
  } rows[] = {
      {"nobody", {}, 200, 401, 401},
      {"wrong key", bearer("hearth_aaaaaaaaaa_" + std::string(52, 'a')), 200, 401, 401},
      {"no key of ours", bearer("ollama"), 200, 401, 401},
      {"another way to log in", {{"authorization", "Basic dXNlcjpwYXNz"}}, 200, 401, 401},
      {"a key without its word", {{"authorization", chat_}}, 200, 401, 401},
      {"in a header of another name", {{"api-key", chat_}}, 200, 401, 401},
      {"expired", bearer(expired), 200, 401, 401},
      {"chat", bearer(chat_), 200, 200, 403},
      {"manage", bearer(manage_), 200, 403, 200},
      {"both", bearer(both_), 200, 200, 200},
      {"x-api-key", {{"x-api-key", chat_}}, 200, 200, 403},
      {"lower case", {{"authorization", "bearer " + chat_}}, 200, 200, 403},
      {"the same twice", {{"x-api-key", chat_}, {"authorization", "Bearer " + chat_}}, 200, 200, 403},
      {"two different", {{"x-api-key", both_}, {"authorization", "Bearer " + chat_}}, 200, 400, 400},
  };
  Doorkeeper keeper(path(), {.wrong_keys_per_minute = 0});
  keeper.require_keys();
  for (const auto& row : rows) {
    EXPECT_EQ(ask(keeper, row.headers, Scope::kOpen).status, row.open) << row.who;
    EXPECT_EQ(ask(keeper, row.headers, Scope::kChat).status, row.chat) << row.who;
    EXPECT_EQ(ask(keeper, row.headers, Scope::kManage).status, row.manage) << row.who;
  }
}

TEST_F(DoorkeeperTest, WithoutTheNeedKeysOnlyNameTheirOwner) {
  Doorkeeper keeper(path(), {});
  EXPECT_EQ(ask(keeper, {}, Scope::kManage).status, 200);
  EXPECT_EQ(ask(keeper, {}).owner, "");
  EXPECT_EQ(ask(keeper, bearer("sk-anything")).owner, "");
  EXPECT_EQ(ask(keeper, {{"x-api-key", both_}, {"authorization", "Bearer " + chat_}}).status, 200);
  const Outcome known = ask(keeper, bearer(chat_), Scope::kManage);
  EXPECT_EQ(known.status, 200);
  EXPECT_EQ(known.owner, "chat");
}

TEST_F(DoorkeeperTest, MessagesSayWhatIsMissingAndNoSecret) {
  Doorkeeper keeper(path(), {});
  keeper.require_keys();
  EXPECT_THAT(ask(keeper, {}).message, HasSubstr("Authorization: Bearer KEY"));
  const std::string wrong = chat_.substr(0, chat_.size() - 1) + "_";
  EXPECT_THAT(ask(keeper, bearer(wrong)).message, Not(HasSubstr(chat_.substr(18, 8))));
  EXPECT_THAT(ask(keeper, bearer(chat_), Scope::kManage).message, HasSubstr("needs the scope manage"));
}

TEST_F(DoorkeeperTest, ARemovedKeyOpensNothingAtOnce) {
  Doorkeeper keeper(path(), {});
  keeper.require_keys();
  EXPECT_EQ(ask(keeper, bearer(chat_)).status, 200);
  EXPECT_EQ(ask(keeper, {{"x-api-key", chat_}}).status, 200);
  ASSERT_TRUE(keys_.remove("chat"));
  save();
  EXPECT_EQ(ask(keeper, bearer(chat_)).status, 401);
  EXPECT_EQ(ask(keeper, {{"x-api-key", chat_}}).status, 401);
  EXPECT_EQ(ask(keeper, bearer(both_)).status, 200);
  std::ofstream(path()) << "damaged";
  EXPECT_EQ(ask(keeper, bearer(both_)).status, 401);
  EXPECT_FALSE(keeper.has_usable_key());
}

TEST_F(DoorkeeperTest, WrongKeysAreLimitedAndRightOnesGetIn) {
  Doorkeeper keeper(path(), {.wrong_keys_per_minute = 3});
  keeper.require_keys();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(keeper, bearer("wrong")).status, 401);
  const Outcome limited = ask(keeper, bearer("wrong"));
  EXPECT_EQ(limited.status, 429);
  EXPECT_THAT(limited.retry_after, ::testing::AllOf(::testing::Ge(1), ::testing::Le(20)));
  EXPECT_EQ(ask(keeper, bearer(chat_)).status, 200) << "a neighbour's mistakes do not lock anybody out";
  EXPECT_EQ(ask(keeper, {}).status, 401) << "no key is no attempt";
  EXPECT_EQ(ask(keeper, bearer("wrong"), Scope::kChat, "192.0.2.2").status, 401);
}

TEST_F(DoorkeeperTest, RequestsPerMinuteCountByOwnerElseByAddress) {
  Doorkeeper keeper(path(), {.requests_per_minute = 2});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(keeper, bearer(chat_)).status, 200);
  const Outcome limited = ask(keeper, bearer(chat_), Scope::kChat, "198.51.100.9");
  EXPECT_EQ(limited.status, 429) << "whatever the address";
  EXPECT_GE(limited.retry_after, 1);
  EXPECT_EQ(ask(keeper, bearer(both_)).status, 200);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(keeper, {}).status, 200);
  EXPECT_EQ(ask(keeper, {}).status, 429);
  EXPECT_EQ(ask(keeper, bearer("made up")).status, 429) << "an unknown key is no new caller";
  EXPECT_EQ(ask(keeper, {}, Scope::kChat, "192.0.2.2").status, 200);
  EXPECT_EQ(ask(keeper, {}, Scope::kOpen).status, 200) << "probes are not counted";
}

TEST_F(DoorkeeperTest, ConcurrentRequestsEndWithTheirAdmission) {
  Doorkeeper keeper(path(), {.concurrent_requests = 2});
  Outcome first = ask(keeper, bearer(chat_));
  const Outcome second = ask(keeper, bearer(chat_));
  EXPECT_EQ(second.status, 200);
  const Outcome third = ask(keeper, bearer(chat_));
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(third.retry_after, 1);
  EXPECT_EQ(ask(keeper, bearer(both_)).status, 200);
  first.admission.reset();
  EXPECT_EQ(ask(keeper, bearer(chat_)).status, 200);
}

}  // namespace
}  // namespace hearth::api
