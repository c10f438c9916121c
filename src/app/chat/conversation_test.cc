#include "app/chat/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConversationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-chat-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  static Conversation sample() {
    Conversation conversation;
    conversation.model = "/models/x.gguf";
    conversation.system = "Be brief.\nAlways.";
    conversation.thinking = false;
    EXPECT_TRUE(set_parameter(conversation.parameters, "temperature", "0.25"));
    EXPECT_TRUE(set_parameter(conversation.parameters, "seed", "18446744073709551615"));
    EXPECT_TRUE(set_parameter(conversation.parameters, "stop", "END"));
    for (const char* text : {"Grüße \"x\"\n", "🎈", ""}) {
      serving::ChatMessage& message = conversation.messages.emplace_back();
      message.role = "user";
      message.content = text;
    }
    return conversation;
  }

  fs::path folder_;
};

TEST_F(ConversationTest, ComesBackAsItWasSaved) {
  const Conversation saved = sample();
  const auto path = conversation_path(folder_, "my chat");
  ASSERT_TRUE(path);
  ASSERT_TRUE(save_conversation(saved, *path));
  EXPECT_THAT(saved_conversations(folder_), ElementsAre("my chat"));
  const auto loaded = load_conversation(*path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->model, saved.model);
  EXPECT_EQ(loaded->system, saved.system);
  EXPECT_EQ(loaded->thinking, saved.thinking);
  EXPECT_EQ(list_parameters(loaded->parameters), list_parameters(saved.parameters));
  ASSERT_EQ(loaded->messages.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(loaded->messages[i].content, saved.messages[i].content);
}

TEST_F(ConversationTest, AFullDiskKeepsTheOldFile) {
  const fs::path path = folder_ / "chat.json";
  ASSERT_TRUE(save_conversation(sample(), path));
  Conversation longer = sample();
  longer.messages.front().content = std::string(100'000, 'x');

  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit tiny { 4096, before.rlim_max };
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tiny), 0);
  const Status saved = save_conversation(longer, path);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, previous);

  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().category, ErrorCategory::kIo);
  const auto loaded = load_conversation(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->messages.front().content, sample().messages.front().content);
}

TEST_F(ConversationTest, RefusesWhatIsNoChat) {
  const auto problem = [&](const std::string& text) {
    const fs::path path = folder_ / "x.json";
    std::ofstream(path) << text;
    const auto loaded = load_conversation(path);
    return loaded ? "no error" : loaded.error().message;
  };
  EXPECT_THAT(problem(""), HasSubstr("x.json"));
  EXPECT_THAT(problem("[]"), HasSubstr("not a saved chat"));
  EXPECT_THAT(problem(R"({"hearth_chat": 1, "model": 5})"), HasSubstr("model must be a text"));
  EXPECT_THAT(problem(R"({"hearth_chat": 1, "model": "m", "system": "", "messages": 1})"),
              HasSubstr("messages"));
  EXPECT_THAT(problem(R"({"hearth_chat": 1, "model": "m", "system": "", "parameters": {"top_p": "7"}})"),
              HasSubstr("top_p"));
  EXPECT_EQ(load_conversation(folder_ / "none").error().category, ErrorCategory::kNotFound);
  EXPECT_EQ(load_conversation(folder_).error().category, ErrorCategory::kInvalidArgument);
}

TEST_F(ConversationTest, NamesStayInTheirFolder) {
  EXPECT_EQ(*conversation_path("/data", "x"), "/data/chats/x.json");
  EXPECT_EQ(*conversation_path("/data", "./x.json"), "./x.json");
  for (const char* name : {"", ".hidden", "..", "a\nb", "folder/"})
    EXPECT_FALSE(conversation_path("/data", name));
  EXPECT_FALSE(conversation_path("/data", std::string(300, 'x')));
}

TEST_F(ConversationTest, BecomesARequest) {
  const serving::GenerationRequest request = sample().request("name");
  const auto& prompt = std::get<serving::ChatPrompt>(request.prompt);
  ASSERT_EQ(prompt.messages.size(), 4U);
  EXPECT_EQ(prompt.messages[0].role, "system");
  EXPECT_EQ(prompt.thinking, false);
  EXPECT_EQ(request.sampling.temperature, 0.25F);
  EXPECT_THAT(request.stop, ElementsAre("END"));
}

}  // namespace
}  // namespace hearth::app
