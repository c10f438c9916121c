#include "store/chats/chat_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ChatStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-chats-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    store_ = open();
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(folder_);
  }

  std::unique_ptr<ChatStore> open() {
    auto opened = ChatStore::open(folder_ / "hearth.db",
                                  {.keep_deleted_ms = 1000, .now_unix_ms = [this] { return now_; }});
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      return nullptr;
    }
    return std::move(*opened);
  }
  void reopen() {
    store_.reset();
    store_ = open();
  }

  Chat chat(const std::string& title = "", const std::string& owner = "ada") {
    now_ += 10;
    return store_->create(owner, {.title = title, .model = "m", .settings = {}}).value();
  }
  // A question and its whole answer below `parent`.
  Exchange exchange(const std::string& chat, const std::string& parent, const std::string& question,
                    const std::string& answer, const std::string& owner = "ada") {
    now_ += 10;
    Exchange made = store_->add_exchange(owner, chat, parent, {question, {}}, "m").value();
    made.answer = finish(made.answer.id, answer);
    return made;
  }
  Message finish(const std::string& id, const std::string& text) {
    AnswerEnd end;
    end.text.content = text;
    end.finish = "stop";
    return store_->finish_answer(id, end).value();
  }

  std::vector<std::string> titles(const std::string& owner = "ada") {
    std::vector<std::string> titles;
    const ChatList list = store_->list(owner, 500).value();
    for (const Chat& chat : list.chats) titles.push_back(chat.title);
    return titles;
  }
  static std::vector<std::string> contents(const Result<std::vector<Message>>& messages) {
    if (!messages) return {messages.error().message};
    std::vector<std::string> texts;
    for (const Message& message : *messages) texts.push_back(message.content);
    return texts;
  }
  // Snippets with their hits in brackets, behind "title: " or the message's role.
  std::vector<std::string> search(const std::string& query, const std::string& owner = "ada") {
    const auto hits = store_->search(owner, query, 20);
    if (!hits) return {hits.error().message};
    std::vector<std::string> texts;
    for (const SearchHit& hit : *hits) {
      std::string text = hit.message.empty() ? "title: " : "";
      for (const SnippetPart& part : hit.snippet) text += part.hit ? "[" + part.text + "]" : part.text;
      texts.push_back(text);
    }
    return texts;
  }
  void purge_all() {
    while (store_->purge().value()) {
    }
  }

  fs::path folder_;
  int64_t now_ = 1'700'000'000'000;
  std::unique_ptr<ChatStore> store_;
};

TEST_F(ChatStoreTest, GivesBackWhatItWasGiven) {
  ChatSettings settings;
  settings.system = "Be \"brief\".\n\xc3\xa9";
  settings.temperature = 0.7;
  settings.seed = INT64_MIN;
  settings.thinking = false;
  const Chat made = store_->create("ada", {.title = "T", .model = "m:1b", .settings = settings}).value();
  const auto started =
      store_
          ->add_exchange("ada", made.id, "", {"Why?", {{"a.txt", "one"}, {"b.txt", std::string("t\0o", 3)}}},
                         "m:1b")
          .value();
  AnswerEnd end;
  end.text = {
      .content = "Because.", .reasoning = "Hm.", .reasoning_ms = 12, .tool_calls = {{"c1", "look", "{}"}}};
  end.status = MessageStatus::kFailed;
  end.finish = "length";
  end.error = {"internal", "It \"broke\""};
  end.usage = {.prompt_tokens = 5, .cached_tokens = 4, .completion_tokens = 3, .reasoning_tokens = 2};
  end.timings = {.load_ms = 0.5, .queue_ms = 1, .prefill_ms = 2, .decode_ms = 3, .first_token_ms = 4};
  ASSERT_TRUE(store_->finish_answer(started.answer.id, end));
  reopen();

  const Chat chat = store_->get("ada", made.id).value();
  EXPECT_EQ(chat.title, "T");
  EXPECT_TRUE(chat.titled_by_user);
  EXPECT_EQ(chat.model, "m:1b");
  EXPECT_EQ(chat.settings, settings);
  EXPECT_EQ(chat.leaf, started.answer.id);
  EXPECT_FALSE(chat.running);
  const auto messages = store_->messages("ada", made.id).value();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].role, MessageRole::kUser);
  EXPECT_EQ(messages[0].attachments, started.user.attachments);
  EXPECT_EQ(messages[0].attachments.at(1).text.size(), 3U);
  const Message& answer = messages[1];
  EXPECT_EQ(answer.parent, started.user.id);
  EXPECT_EQ(answer.content, "Because.");
  EXPECT_EQ(answer.reasoning, "Hm.");
  EXPECT_EQ(answer.reasoning_ms, 12);
  EXPECT_EQ(answer.tool_calls, end.text.tool_calls);
  EXPECT_EQ(answer.status, MessageStatus::kFailed);
  EXPECT_EQ(answer.finish, "length");
  EXPECT_EQ(answer.error, end.error);
  EXPECT_EQ(answer.usage, end.usage);
  EXPECT_EQ(answer.timings, end.timings);
}

TEST_F(ChatStoreTest, AnAnswerIsWrittenBitByBit) {
  const Chat made = chat();
  ASSERT_TRUE(store_->change("ada", made.id, {.draft = "Hel"}));
  const auto started = store_->add_exchange("ada", made.id, "", {"Hello", {}}, "m").value();
  EXPECT_TRUE(store_->get("ada", made.id)->running);
  EXPECT_EQ(store_->get("ada", made.id)->draft, "");
  ASSERT_TRUE(store_->update_answer(started.answer.id, {"On", "R", std::nullopt, {}}));
  ASSERT_TRUE(store_->update_answer(started.answer.id, {"Once", "RR", 5, {}}));
  EXPECT_THAT(search("once"), IsEmpty()) << "it may still change";
  const Message so_far = store_->message("ada", started.answer.id).value();
  EXPECT_EQ(so_far.content, "Once");
  EXPECT_EQ(so_far.status, MessageStatus::kRunning);
  EXPECT_EQ(store_->add_exchange("ada", made.id, started.answer.id, {"And?", {}}, "m").error().category,
            ErrorCategory::kInvalidArgument);
  finish(started.answer.id, "Once upon");
  EXPECT_FALSE(store_->get("ada", made.id)->running);
  EXPECT_THAT(search("once"), ElementsAre("[Once] upon"));
  EXPECT_EQ(store_->update_answer(started.answer.id, {}).error().category, ErrorCategory::kNotFound);

  EXPECT_EQ(store_->resume_answer("ada", started.answer.id)->content, "Once upon");
  EXPECT_FALSE(store_->resume_answer("ada", started.answer.id)) << "it is running already";
  EXPECT_THAT(search("once"), IsEmpty());
  finish(started.answer.id, "Once upon a time");
  EXPECT_THAT(search("time"), ElementsAre("Once upon a [time]"));
}

TEST_F(ChatStoreTest, BranchesAreKeptAndPathsFollowOne) {
  const Chat made = chat();
  const auto first = exchange(made.id, "", "q1", "a1");
  const auto second = exchange(made.id, first.answer.id, "q2", "a2");
  const auto edited = exchange(made.id, first.answer.id, "q2b", "a2b");
  const Message again = store_->add_answer("ada", second.user.id, "other").value();
  EXPECT_EQ(store_->get("ada", made.id)->leaf, again.id);
  finish(again.id, "a2c");
  const auto root = exchange(made.id, "", "q0", "a0");
  EXPECT_THAT(contents(store_->messages("ada", made.id)),
              ElementsAre("q1", "a1", "q2", "a2", "q2b", "a2b", "a2c", "q0", "a0"));
  EXPECT_THAT(contents(store_->path("ada", again.id)), ElementsAre("q1", "a1", "q2", "a2c"));
  EXPECT_THAT(contents(store_->path("ada", edited.answer.id)), ElementsAre("q1", "a1", "q2b", "a2b"));
  EXPECT_THAT(contents(store_->path("ada", root.user.id)), ElementsAre("q0"));
  ASSERT_TRUE(store_->change("ada", made.id, {.leaf = edited.answer.id}));
  EXPECT_EQ(store_->get("ada", made.id)->leaf, edited.answer.id);
}

TEST_F(ChatStoreTest, RulesOfTheTree) {
  const Chat made = chat();
  const Chat other = chat();
  const auto first = exchange(made.id, "", "q1", "a1");
  const auto category = [](const auto& result) { return result.error().category; };
  EXPECT_EQ(category(store_->add_exchange("ada", other.id, first.answer.id, {"q", {}}, "m")),
            ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category(store_->add_exchange("ada", made.id, first.user.id, {"q", {}}, "m")),
            ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category(store_->add_exchange("ada", made.id, "nobody", {"q", {}}, "m")),
            ErrorCategory::kNotFound);
  EXPECT_EQ(category(store_->add_answer("ada", first.answer.id, "m")), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category(store_->resume_answer("ada", first.user.id)), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category(store_->finish_answer(first.user.id, {})), ErrorCategory::kInvalidArgument);
  EXPECT_EQ(category(store_->change("ada", other.id, {.leaf = first.answer.id})),
            ErrorCategory::kInvalidArgument);
  EXPECT_EQ(store_->messages("ada", made.id)->size(), 2U) << "nothing was added";
  EXPECT_EQ(store_->message("ada", first.user.id)->content, "q1");
}

TEST_F(ChatStoreTest, AClockThatGoesBackKeepsTheOrder) {
  const Chat made = chat();
  const auto first = exchange(made.id, "", "q1", "a1");
  now_ -= 1'000'000;
  const auto second = exchange(made.id, first.answer.id, "q2", "a2");
  EXPECT_THAT(contents(store_->messages("ada", made.id)), ElementsAre("q1", "a1", "q2", "a2"));
  EXPECT_THAT(contents(store_->path("ada", second.answer.id)), ElementsAre("q1", "a1", "q2", "a2"));
}

TEST_F(ChatStoreTest, RemovingAMessageRemovesWhatFollows) {
  const Chat made = chat();
  const auto first = exchange(made.id, "", "q1", "a1");
  const auto second = exchange(made.id, first.answer.id, "q2", "a2");
  const auto edited = exchange(made.id, first.answer.id, "q2b", "zebra");
  exchange(made.id, edited.answer.id, "q3", "a3");
  EXPECT_EQ(store_->remove_message("ada", edited.user.id)->leaf, second.answer.id);
  EXPECT_THAT(contents(store_->messages("ada", made.id)), ElementsAre("q1", "a1", "q2", "a2"));
  EXPECT_THAT(search("zebra"), IsEmpty());
  EXPECT_EQ(store_->remove_message("ada", second.answer.id)->leaf, second.user.id);
  EXPECT_EQ(store_->remove_message("ada", first.user.id)->leaf, "");
  EXPECT_THAT(contents(store_->messages("ada", made.id)), IsEmpty());
  EXPECT_EQ(store_->remove_message("ada", first.user.id).error().category, ErrorCategory::kNotFound);
}

TEST_F(ChatStoreTest, AVeryLongBranchCanBeRemoved) {
  WholeChat whole;
  for (int i = 0; i < 3000; ++i) {
    whole.messages.push_back({.id = std::to_string(i),
                              .parent = i == 0 ? "" : std::to_string(i - 1),
                              .role = i % 2 == 0 ? MessageRole::kUser : MessageRole::kAssistant,
                              .content = "m" + std::to_string(i)});
  }
  const std::string id = store_->add_whole("ada", {whole}).value().at(0);
  const auto messages = store_->messages("ada", id).value();
  ASSERT_EQ(messages.size(), 3000U);
  EXPECT_EQ(store_->path("ada", messages.back().id)->size(), 3000U);
  EXPECT_EQ(store_->get("ada", id)->leaf, messages.back().id);
  ASSERT_TRUE(store_->remove_message("ada", messages[1].id));
  EXPECT_THAT(contents(store_->messages("ada", id)), ElementsAre("m0"));
}

TEST_F(ChatStoreTest, ListsPinnedOnesFirstThenTheLatest) {
  const Chat one = chat("one");
  const Chat two = chat("two");
  chat("three");
  EXPECT_THAT(titles(), ElementsAre("three", "two", "one"));
  exchange(one.id, "", "q", "a");
  EXPECT_THAT(titles(), ElementsAre("one", "three", "two"));
  now_ += 10;
  ASSERT_TRUE(store_->change("ada", two.id, {.title = "Two", .pinned = true, .draft = "d"}));
  EXPECT_THAT(titles(), ElementsAre("Two", "one", "three"));
  ASSERT_TRUE(store_->change("ada", two.id, {.pinned = false}));
  EXPECT_THAT(titles(), ElementsAre("one", "three", "Two")) << "only what is said counts as use";
}

TEST_F(ChatStoreTest, PagesStayInPlaceWhileChatsChange) {
  std::vector<Chat> chats;
  for (int i = 0; i < 7; ++i) chats.push_back(chat(std::to_string(i)));
  const ChatList first = store_->list("ada", 3).value();
  EXPECT_EQ(first.chats.back().title, "4");
  exchange(chats[0].id, "", "q", "a");  // goes to the top
  chat("new");
  ASSERT_TRUE(store_->remove("ada", chats[4].id));  // where the page ended
  ASSERT_TRUE(store_->remove("ada", chats[2].id));
  const ChatList second = store_->list("ada", 1, first.next).value();
  ASSERT_EQ(second.chats.size(), 1U);
  EXPECT_EQ(second.chats[0].title, "3");
  const ChatList third = store_->list("ada", 3, second.next).value();
  ASSERT_EQ(third.chats.size(), 1U);
  EXPECT_EQ(third.chats[0].title, "1");
  EXPECT_EQ(third.next, "");
  for (const char* wrong : {"x", "1.2", "1.2.3.4", "1.2.", "..", "1.2.99999999999999999999", "1.2.3x"}) {
    EXPECT_EQ(store_->list("ada", 3, wrong).error().category, ErrorCategory::kInvalidArgument) << wrong;
  }
}

TEST_F(ChatStoreTest, AutomaticTitlesGiveWayToTheUsers) {
  const Chat made = chat();
  EXPECT_TRUE(store_->set_automatic_title(made.id, "Guess").value());
  EXPECT_EQ(store_->get("ada", made.id)->title, "Guess");
  EXPECT_FALSE(store_->change("ada", made.id, {.pinned = true})->titled_by_user);
  EXPECT_TRUE(store_->change("ada", made.id, {.title = "Guess"})->titled_by_user);
  EXPECT_FALSE(store_->set_automatic_title(made.id, "Other").value());
  EXPECT_EQ(store_->get("ada", made.id)->title, "Guess");
  EXPECT_FALSE(store_->change("ada", made.id, {.title = ""})->titled_by_user);
  EXPECT_TRUE(store_->set_automatic_title(made.id, "Other").value());
  EXPECT_FALSE(store_->set_automatic_title("nothing", "x").value());
  EXPECT_EQ(store_->change("ada", made.id, {.title = std::string(5000, 'x')}).error().category,
            ErrorCategory::kInvalidArgument);
}

TEST_F(ChatStoreTest, WhatIsDeletedCanBeRestoredForAWhile) {
  const Chat made = chat("mine");
  const auto said = exchange(made.id, "", "needle", "a");
  ASSERT_TRUE(store_->remove("ada", made.id));
  EXPECT_THAT(titles(), IsEmpty());
  EXPECT_THAT(search("needle"), IsEmpty());
  EXPECT_THAT(search("mine"), IsEmpty());
  EXPECT_EQ(store_->get("ada", made.id).error().category, ErrorCategory::kNotFound);
  EXPECT_EQ(store_->message("ada", said.user.id).error().category, ErrorCategory::kNotFound);
  EXPECT_EQ(store_->remove("ada", made.id).error().category, ErrorCategory::kNotFound);
  now_ += 900;
  purge_all();
  EXPECT_EQ(store_->restore("ada", made.id)->title, "mine");
  EXPECT_THAT(search("needle"), ElementsAre("[needle]"));
  EXPECT_THAT(search("mine"), ElementsAre("title: [mine]"));

  ASSERT_TRUE(store_->remove("ada", made.id));
  now_ += 1000;
  EXPECT_EQ(store_->restore("ada", made.id).error().category, ErrorCategory::kNotFound);
  purge_all();
  EXPECT_THAT(search("needle"), IsEmpty());
}

TEST_F(ChatStoreTest, NothingIsLeftInTheFileOfWhatIsPurged) {
  const Chat kept = chat("kept");
  exchange(kept.id, "", "staying", "staying too");
  for (int i = 0; i < 40; ++i) {
    const Chat made = chat("titlesecret" + std::to_string(i));
    exchange(made.id, "", "contentsecret" + std::to_string(i), std::string(20'000, 'x') + " answersecret");
    ASSERT_TRUE(store_->remove("ada", made.id));
  }
  now_ += 2000;
  purge_all();
  store_.reset();  // the log goes into the file
  std::ifstream in(folder_ / "hearth.db", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (const char* secret : {"titlesecret", "contentsecret", "answersecret"}) {
    EXPECT_EQ(bytes.find(secret), std::string::npos) << secret;
  }
  store_ = open();
  EXPECT_THAT(search("staying"), ElementsAre("[staying] too", "[staying]"));
}

TEST_F(ChatStoreTest, DeletingAllCanBeUndone) {
  chat("before");
  const Chat single = chat("single");
  ASSERT_TRUE(store_->remove("ada", single.id));
  chat("theirs", "eve");
  const std::string undo = store_->remove_all("ada").value();
  EXPECT_THAT(titles(), IsEmpty());
  EXPECT_THAT(titles("eve"), ElementsAre("theirs"));
  chat("after");
  EXPECT_FALSE(store_->restore_all("eve", undo));
  EXPECT_FALSE(store_->restore_all("ada", ""));
  EXPECT_EQ(store_->restore_all("ada", undo).value(), 1);
  EXPECT_THAT(titles(), ElementsAre("after", "before")) << "what was deleted before stays so";
  EXPECT_FALSE(store_->restore_all("ada", undo)) << "once is enough";
}

TEST_F(ChatStoreTest, OwnersAreSeparated) {
  const Chat made = chat("mine");
  const auto said = exchange(made.id, "", "question", "answer");
  ASSERT_TRUE(store_->set_presets("ada", {{"p1", "P", "", {}}}));
  const auto hidden = [](const auto& result) {
    return !result && result.error().category == ErrorCategory::kNotFound;
  };
  for (const std::string owner : {"eve", ""}) {
    EXPECT_TRUE(hidden(store_->get(owner, made.id)));
    EXPECT_TRUE(hidden(store_->messages(owner, made.id)));
    EXPECT_TRUE(hidden(store_->message(owner, said.user.id)));
    EXPECT_TRUE(hidden(store_->path(owner, said.user.id)));
    EXPECT_TRUE(hidden(store_->whole(owner, made.id)));
    EXPECT_TRUE(hidden(store_->change(owner, made.id, {.title = "x"})));
    EXPECT_TRUE(hidden(store_->remove(owner, made.id)));
    EXPECT_TRUE(hidden(store_->remove_message(owner, said.user.id)));
    EXPECT_TRUE(hidden(store_->add_exchange(owner, made.id, "", {"q", {}}, "m")));
    EXPECT_TRUE(hidden(store_->add_answer(owner, said.user.id, "m")));
    EXPECT_TRUE(hidden(store_->resume_answer(owner, said.answer.id)));
    EXPECT_THAT(titles(owner), IsEmpty());
    EXPECT_THAT(search("question", owner), IsEmpty());
    EXPECT_THAT(store_->presets(owner).value(), IsEmpty());
    const Chat own = chat("own", owner);
    EXPECT_TRUE(hidden(store_->change(owner, own.id, {.leaf = "nothing"})));
    EXPECT_FALSE(store_->change(owner, own.id, {.leaf = said.user.id}));
    ASSERT_TRUE(store_->remove("ada", made.id));
    EXPECT_TRUE(hidden(store_->restore(owner, made.id)));
    ASSERT_TRUE(store_->restore("ada", made.id));
  }
}

TEST_F(ChatStoreTest, AQueryIsNeverSyntax) {
  const Chat made = chat();
  exchange(made.id, "", "C++ and \"quotes\" - a*b (x) NEAR y: tea AND coffee", "NOT this one, nor ^caret");
  EXPECT_THAT(search("\"quotes\""), ElementsAre(HasSubstr("\"[quotes]\"")));
  EXPECT_THAT(search("coffee AND tea"), ElementsAre(HasSubstr("[tea] [AND] [coffee]")));
  EXPECT_THAT(search("tea OR missing"), IsEmpty());
  EXPECT_THAT(search("NOT"), ElementsAre(HasSubstr("[NOT] this")));
  EXPECT_THAT(search("a*b"), ElementsAre(HasSubstr("[a*b]")));
  EXPECT_THAT(search("coffee -tea"), ElementsAre(HasSubstr("[tea]"))) << "a minus takes nothing away";
  EXPECT_THAT(search("content:tea"), IsEmpty());
  EXPECT_THAT(search("y: tea"), ElementsAre(HasSubstr("[y]: [tea]")));
  EXPECT_THAT(search("^caret"), ElementsAre(HasSubstr("^[caret]")));
  EXPECT_THAT(search("NEAR(tea coffee)"), IsEmpty());
  EXPECT_THAT(search("tea coff"), ElementsAre(HasSubstr("[coffee]"))) << "the last word may be a beginning";
  EXPECT_THAT(search("te coffee"), IsEmpty());
  EXPECT_THAT(search("te"), IsEmpty()) << "too short for a beginning";
  EXPECT_THAT(search("quo"), ElementsAre(HasSubstr("\"[quotes]\"")));
  for (const char* nothing :
       {"", " ", "*", "\"", "\"\"", "-", "()", "''", "!!", "\\", "\"\"\" \" *", ":", "{}:"}) {
    EXPECT_THAT(search(nothing), IsEmpty()) << nothing;
  }
  EXPECT_THAT(search(std::string("te\0coffee", 9)), IsEmpty());
  EXPECT_THAT(search("tea\xff\xc3"), ElementsAre(HasSubstr("[tea]")));
  EXPECT_EQ(store_->search("ada", std::string(2000, 'x'), 20).error().category,
            ErrorCategory::kInvalidArgument);
  EXPECT_EQ(store_->search("ada", "tea", 0).error().category, ErrorCategory::kInvalidArgument);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "a ";
  EXPECT_THAT(search(many), ElementsAre(HasSubstr("64 words")));
}

TEST_F(ChatStoreTest, FindsWordsInEveryScript) {
  const Chat made = chat("Ünïcode Straße");
  exchange(made.id, "", "今天天气很好，我们去公园散步。", "東京タワーへ行きました");
  exchange(made.id, "", "서울에서 만나요", "iPhone手机 and 👍🏽 or ❤️ x→y");
  exchange(made.id, "", "Привет, МИР", "ภาษาไทยไม่มีช่องว่าง");
  EXPECT_THAT(search("unicode"), ElementsAre("title: [Ünïcode] Straße"));
  EXPECT_THAT(search("天气"), ElementsAre("今天[天气]很好，我们去公园散步。"));
  EXPECT_THAT(search("公园 天气"), ElementsAre("今天[天气]很好，我们去[公园]散步。"));
  EXPECT_THAT(search("气天"), IsEmpty());
  EXPECT_THAT(search("タワー"), ElementsAre("東京[タワー]へ行きました"));
  EXPECT_THAT(search("서울"), ElementsAre("[서울]에서 만나요"));
  EXPECT_THAT(search("手机 iphone"), ElementsAre("[iPhone][手机] and 👍🏽 or ❤️ x→y"));
  EXPECT_THAT(search("👍"), ElementsAre("iPhone手机 and [👍]🏽 or ❤️ x→y"));
  EXPECT_THAT(search("❤️"), ElementsAre("iPhone手机 and 👍🏽 or [❤]️ x→y"));
  EXPECT_THAT(search("→"), ElementsAre(HasSubstr("x[→]y")));
  EXPECT_THAT(search("привет мир"), ElementsAre("[Привет], [МИР]"));
  EXPECT_THAT(search("ไทย"), ElementsAre("ภาษา[ไทย]ไม่มีช่องว่าง"));
}

TEST_F(ChatStoreTest, HitsAreTitlesThenTheLatestMessages) {
  const Chat older = chat("about tea");
  const Chat newer = chat();
  const auto first = exchange(older.id, "", "tea one", "nothing");
  exchange(newer.id, "", "tea two", "tea three");
  EXPECT_THAT(search("tea"), ElementsAre("title: about [tea]", "[tea] three", "[tea] two", "[tea] one"));
  const auto hits = store_->search("ada", "one", 5).value();
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].chat, older.id);
  EXPECT_EQ(hits[0].chat_title, "about tea");
  EXPECT_EQ(hits[0].message, first.user.id);
  EXPECT_EQ(hits[0].role, MessageRole::kUser);
  EXPECT_EQ(store_->search("ada", "tea", 2)->size(), 2U);
  ASSERT_TRUE(store_->change("ada", older.id, {.title = "about coffee"}));
  EXPECT_THAT(search("about tea"), IsEmpty());
  EXPECT_THAT(search("coffee"), ElementsAre("title: about [coffee]"));
  exchange(newer.id, "", std::string(2000, '-') + "far " + std::string(100'000, '.') + " needle here", "");
  EXPECT_LT(search("needle").at(0).size(), 103'000U);
}

TEST_F(ChatStoreTest, PresetsKeepTheirOrder) {
  ChatSettings settings;
  settings.top_k = 5;
  const std::vector<Preset> presets = {{"p2", "Second", "m", settings}, {"p1", "First", "", {}}};
  ASSERT_TRUE(store_->set_presets("ada", presets));
  EXPECT_EQ(store_->presets("ada").value(), presets);
  ASSERT_TRUE(store_->set_presets("ada", {}));
  EXPECT_THAT(store_->presets("ada").value(), IsEmpty());
}

TEST_F(ChatStoreTest, WholeChatsAreAddedTogetherOrNotAtAll) {
  const Chat made = chat("original");
  const auto first = exchange(made.id, "", "q1", "a1");
  exchange(made.id, "", "q2", "a2");
  ASSERT_TRUE(store_->change("ada", made.id, {.leaf = first.answer.id}));
  WholeChat whole = store_->whole("ada", made.id).value();
  whole.messages.back().status = MessageStatus::kRunning;
  const std::string id = store_->add_whole("eve", {whole}).value().at(0);
  EXPECT_NE(id, made.id);
  const WholeChat copy = store_->whole("eve", id).value();
  EXPECT_EQ(copy.chat.title, "original");
  EXPECT_EQ(copy.chat.created, made.created);
  ASSERT_EQ(copy.messages.size(), 4U);
  EXPECT_EQ(copy.chat.leaf, copy.messages[1].id);
  EXPECT_EQ(copy.messages[1].parent, copy.messages[0].id);
  EXPECT_EQ(copy.messages.back().status, MessageStatus::kInterrupted);
  EXPECT_THAT(search("q2", "eve"), ElementsAre("[q2]"));

  WholeChat broken = whole;
  broken.messages.back().parent = "nobody";
  EXPECT_FALSE(store_->add_whole("eve", {whole, broken}));
  broken = whole;
  broken.messages.back().id = broken.messages.front().id;
  EXPECT_FALSE(store_->add_whole("eve", {whole, broken}));
  EXPECT_EQ(titles("eve").size(), 1U);
}

TEST_F(ChatStoreTest, AnswersOfAProcessThatIsGoneAreInterrupted) {
  const Chat made = chat();
  const auto started = store_->add_exchange("ada", made.id, "", {"q", {}}, "m").value();
  ASSERT_TRUE(store_->update_answer(started.answer.id, {"half", "", std::nullopt, {}}));
  {
    const auto second = open();
    EXPECT_EQ(second->message("ada", started.answer.id)->status, MessageStatus::kRunning)
        << "the first one is still there";
  }
  reopen();
  const Message answer = store_->message("ada", started.answer.id).value();
  EXPECT_EQ(answer.status, MessageStatus::kInterrupted);
  EXPECT_EQ(answer.content, "half");
  EXPECT_THAT(search("half"), ElementsAre("[half]"));
}

TEST_F(ChatStoreTest, TwoProgramsMayShareTheFile) {
  const auto other = open();
  const Chat made = chat("mine");
  exchange(made.id, "", "question", "answer");
  EXPECT_EQ(other->messages("ada", made.id)->size(), 2U);
  ASSERT_TRUE(other->change("ada", made.id, {.title = "theirs"}));
  EXPECT_THAT(titles(), ElementsAre("theirs"));
  EXPECT_THAT(search("theirs"), ElementsAre("title: [theirs]"));
}

// A child writes answers until it is killed, again and again: each message is there as a whole or not at all,
// and so is every index entry.
TEST_F(ChatStoreTest, AKillInTheMiddleOfAWriteLeavesWholeMessages) {
  const Chat made = chat();
  const std::string text(50'000, 'x');
  for (int round = 0; round < 5; ++round) {
    store_.reset();
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto opened = ChatStore::open(folder_ / "hearth.db", {});
      if (!opened) _exit(1);
      for (int i = 0;; ++i) {
        const auto started =
            (*opened)->add_exchange("ada", made.id, "", {"word " + text, {{"f", text}}}, "m");
        if (!started || !(*opened)->update_answer(started->answer.id, {text, text, 1, {}})) _exit(2);
        AnswerEnd end;
        end.text.content = "word " + text;
        if (i % 2 == 0 && !(*opened)->finish_answer(started->answer.id, end)) _exit(3);
        if (write(pipe_ends[1], "x", 1) != 1) _exit(4);
      }
    }
    ASSERT_GT(child, 0);
    close(pipe_ends[1]);
    std::string progress(static_cast<size_t>(3 + round * 4), ' ');
    for (char& c : progress) ASSERT_EQ(read(pipe_ends[0], &c, 1), 1) << "the child failed";
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    close(pipe_ends[0]);

    store_ = open();
    ASSERT_NE(store_, nullptr);
    const auto messages = store_->messages("ada", made.id).value();
    EXPECT_EQ(messages.size() % 2, 0U);
    for (const Message& message : messages) {
      EXPECT_NE(message.status, MessageStatus::kRunning);
      if (message.role == MessageRole::kUser) {
        EXPECT_EQ(message.content.size(), text.size() + 5);
        EXPECT_EQ(message.attachments.size(), 1U);
      } else {
        EXPECT_THAT(message.content.size(), ::testing::AnyOf(0U, text.size(), text.size() + 5));
      }
    }
    auto database = Database::open(folder_ / "hearth.db").value();
    EXPECT_TRUE(
        database.run("INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)"));
    auto whole = database.query("PRAGMA integrity_check").value();
    ASSERT_TRUE(whole.step().value());
    EXPECT_EQ(whole.text(0), "ok");
  }
}

}  // namespace
}  // namespace hearth::store
