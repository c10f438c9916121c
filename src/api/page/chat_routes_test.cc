#include "api/page/chat_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "api/testing/http_client.h"

namespace hearth::api::page {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::Reply;
using testing::RunningServer;

class ChatRoutes : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "hearth-page-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    auto opened = store::ChatStore::open(folder_ / "hearth.db");
    ASSERT_TRUE(opened) << opened.error().message;
    chats_ = std::move(*opened);
    Router router;
    PageRouter routes(router);
    disk_.emplace();
    words_.emplace();
    add_chat_routes(routes, {*chats_, events_, *disk_, *words_});
    server_.emplace(std::move(router), HttpServerOptions());
  }
  void TearDown() override {
    server_.reset();
    words_.reset();
    disk_.reset();
    std::filesystem::remove_all(folder_);
  }

  Reply ask(const std::string& method, const std::string& path, const std::string& body = "") {
    return server_->ask(
        fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nX-Hearth-Page: 1\r\nContent-Type: "
                    "application/json\r\nContent-Length: {}\r\n\r\n{}",
                    method, path, body.size(), body));
  }
  // The JSON of a reply that must succeed.
  Json get(const std::string& path) { return good(ask("GET", path)); }
  Json send(const std::string& method, const std::string& path, const Json& body = Json::object()) {
    return good(ask(method, path, body.dump()));
  }
  static Json good(const Reply& reply) {
    EXPECT_LT(reply.status, 300) << reply.body;
    return reply.body.empty() ? Json() : Json::parse(reply.body);
  }
  static std::string error_of(const Reply& reply) {
    const Json error = Json::parse(reply.body).at("error");
    return fmt::format("{} {}: {}", reply.status, error.at("code").get<std::string>(),
                       error.at("message").get<std::string>());
  }

  // A chat with a question and an answer; its id.
  std::string chat(const std::string& title, const std::string& question = "q",
                   const std::string& answer = "a") {
    const std::string id = send("POST", "/page/chats", {{"title", title}}).at("id");
    const auto exchange = chats_->add_exchange("", id, "", {question, {}}, "m").value();
    store::AnswerEnd end;
    end.text.content = answer;
    EXPECT_TRUE(chats_->finish_answer(exchange.answer.id, end));
    return id;
  }
  std::vector<std::string> titles(const std::string& query = "") {
    std::vector<std::string> titles;
    const Json list = get("/page/chats" + query);
    for (const Json& chat : list.at("chats")) titles.push_back(chat.at("title"));
    return titles;
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::ChatStore> chats_;
  PageEvents events_;
  std::optional<Worker> disk_, words_;
  std::optional<RunningServer> server_;
};

TEST_F(ChatRoutes, AChatIsMadeChangedAndRead) {
  const Json made =
      send("POST", "/page/chats", {{"model", "m"}, {"settings", {{"system", "S"}, {"top_k", 5}}}});
  EXPECT_EQ(made.at("title"), "");
  EXPECT_EQ(made.at("title_by"), "auto");
  EXPECT_EQ(made.at("model"), "m");
  EXPECT_EQ(made.at("leaf"), Json());
  EXPECT_EQ(made.at("settings").at("top_k"), 5);
  EXPECT_EQ(made.at("settings").at("temperature"), Json());
  const std::string path = "/page/chats/" + made.at("id").get<std::string>();
  const Json changed =
      send("PATCH", path, {{"title", "Née \"X\""}, {"pinned", true}, {"draft", "d"}, {"model", nullptr}});
  EXPECT_EQ(changed.at("title"), "Née \"X\"");
  EXPECT_EQ(changed.at("title_by"), "user");
  EXPECT_EQ(changed.at("model"), Json());
  const Json read = get(path);
  EXPECT_EQ(read.at("chat"), changed);
  EXPECT_EQ(read.at("messages"), Json::array());
  EXPECT_EQ(get("/page/chats").at("chats").at(0).count("draft"), 0U);
  EXPECT_EQ(send("POST", "/page/chats").at("title"), "");
  EXPECT_EQ(ask("POST", "/page/chats").status, 201);
}

TEST_F(ChatRoutes, WrongWishesAreNamed) {
  const std::string path = "/page/chats/" + chat("t");
  EXPECT_THAT(error_of(ask("PATCH", path, R"({"title": 5})")), HasSubstr("400 bad_request: title"));
  EXPECT_THAT(error_of(ask("PATCH", path, R"({"pinned": true, "colour": "red"})")), HasSubstr("colour"));
  EXPECT_EQ(get(path).at("chat").at("pinned"), false) << "nothing was changed";
  EXPECT_THAT(error_of(ask("PATCH", path, R"({"settings": {"temperature": -1}})")), HasSubstr("temperature"));
  EXPECT_THAT(error_of(ask("PATCH", path, R"({"settings": {"heat": 1}})")), HasSubstr("heat"));
  EXPECT_THAT(error_of(ask("PATCH", path, R"({"leaf": "msg_x"})")), HasSubstr("404 not_found"));
  EXPECT_THAT(error_of(ask("PATCH", path, "[]")), HasSubstr("400 bad_request"));
  EXPECT_THAT(error_of(ask("GET", "/page/chats?limit=0")), HasSubstr("limit"));
  EXPECT_THAT(error_of(ask("GET", "/page/chats?before=x")), HasSubstr("400 bad_request"));
  EXPECT_THAT(error_of(ask("GET", "/page/chats/chat_x")), HasSubstr("404 not_found"));
  EXPECT_THAT(error_of(ask("GET", path + "/export?format=pdf")), HasSubstr("format"));
  EXPECT_THAT(error_of(ask("PUT", "/page/presets", R"({"presets": [{"name": ""}]})")), HasSubstr("name"));
  EXPECT_THAT(error_of(ask("POST", "/page/chats/restore", R"({"undo": "x"})")), HasSubstr("404 not_found"));
}

TEST_F(ChatRoutes, ListsInPages) {
  for (int i = 0; i < 5; ++i) chat(std::to_string(i));
  std::vector<std::string> all;
  std::string before;
  do {
    const Json page = get("/page/chats?limit=2" + (before.empty() ? "" : "&before=" + before));
    for (const Json& chat : page.at("chats")) all.push_back(chat.at("title"));
    before = page.at("next").is_null() ? "" : page.at("next").get<std::string>();
  } while (!before.empty());
  EXPECT_THAT(all, ::testing::UnorderedElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(ChatRoutes, DeletingCanBeUndone) {
  const std::string id = chat("one");
  chat("two");
  EXPECT_EQ(ask("DELETE", "/page/chats/" + id).status, 204);
  EXPECT_THAT(titles(), ::testing::ElementsAre("two"));
  EXPECT_EQ(send("POST", "/page/chats/" + id + "/restore").at("title"), "one");
  const Json undo = send("DELETE", "/page/chats");
  EXPECT_THAT(titles(), ::testing::IsEmpty());
  EXPECT_EQ(send("POST", "/page/chats/restore", undo).at("restored"), 2);
  EXPECT_THAT(titles(), ::testing::UnorderedElementsAre("one", "two"));
}

TEST_F(ChatRoutes, OtherPagesHearOfChanges) {
  const auto listener = events_.listen("");
  const auto stranger = events_.listen("eve");
  const std::string id = send("POST", "/page/chats", {{"title", "t"}}).at("id");
  ask("PATCH", "/page/chats/" + id, R"({"draft": "d"})");
  ask("PATCH", "/page/chats/" + id, R"({"pinned": true})");
  ask("DELETE", "/page/chats/" + id);
  ask("DELETE", "/page/chats");
  // The kinds of events, and what the second chat among them says.
  const std::string heard = listener->take();
  std::string kinds;
  for (size_t at = heard.find("event: "); at != std::string::npos; at = heard.find("event: ", at + 1)) {
    kinds += heard.substr(at + 7, heard.find('\n', at) - at - 7) + " ";
  }
  EXPECT_EQ(kinds, "chat chat chat_deleted chats ") << "a draft is nobody else's business";
  EXPECT_THAT(heard, HasSubstr("\"pinned\":true"));
  EXPECT_EQ(stranger->take(), "");
}

TEST_F(ChatRoutes, FindsWhatIsAskedForWhateverItsCharacters) {
  chat("About C++", "is 100% = 1 & \"more\"?", "公园 and café");
  const auto parts = [&](const std::string& query) {
    std::string text;
    const Json reply = get("/page/search?q=" + query);
    for (const Json& hit : reply.at("hits")) {
      text += hit.at("message").is_null() ? "title: " : hit.at("role").get<std::string>() + ": ";
      for (const Json& part : hit.at("snippet")) {
        text += part.at("hit").get<bool>() ? "[" + part.at("text").get<std::string>() + "]"
                                           : part.at("text").get<std::string>();
      }
      text += "\n";
    }
    return text;
  };
  EXPECT_EQ(parts("C%2B%2B"), "title: About [C]++\n");
  EXPECT_EQ(parts("100%25+more"), "user: is [100]% = 1 & \"[more]\"?\n");
  EXPECT_EQ(parts("%E5%85%AC%E5%9B%AD"), "assistant: [公园] and café\n");
  EXPECT_EQ(parts("cafe&limit=1"), "assistant: 公园 and [café]\n");
  EXPECT_EQ(parts("%22%2A-%28"), "");
  EXPECT_EQ(parts("%zz"), "");
  EXPECT_EQ(parts(""), "");
  EXPECT_EQ(good(ask("GET", "/page/search")).at("hits"), Json::array());
}

TEST_F(ChatRoutes, PresetsAreKept) {
  const Json sent = {{"presets", {{{"name", "Brief"}, {"settings", {{"system", "Be brief."}}}}}}};
  const Json kept = send("PUT", "/page/presets", sent);
  EXPECT_THAT(kept.at("presets").at(0).at("id").get<std::string>(), HasSubstr("preset_"));
  EXPECT_EQ(get("/page/presets"), kept);
  EXPECT_EQ(send("PUT", "/page/presets", kept), kept) << "ids stay";
}

TEST_F(ChatRoutes, ChatsAreFilesToSave) {
  const std::string id = chat("a/b: \"ü\"", "question", "answer");
  chat("second");
  const Reply markdown = ask("GET", "/page/chats/" + id + "/export?format=markdown");
  EXPECT_EQ(markdown.header("Content-Type"), "text/markdown; charset=utf-8");
  EXPECT_EQ(markdown.header("Content-Disposition"),
            "attachment; filename=\"a_b_ ____.md\"; filename*=UTF-8''a_b_%20_%C3%BC_.md");
  EXPECT_THAT(markdown.body, HasSubstr("answer"));
  const Json one = good(ask("GET", "/page/chats/" + id + "/export?format=json"));
  EXPECT_EQ(one.at("chats").at(0).at("messages").size(), 2U);
  const Json all = good(ask("GET", "/page/export"));
  EXPECT_EQ(all.at("format"), "hearth.chats");
  EXPECT_EQ(all.at("chats").size(), 2U);
}

TEST_F(ChatRoutes, WhatWasSavedCanBeImported) {
  const std::string id = chat("mine", "question", "answer");
  const auto listener = events_.listen("");
  for (const char* format : {"markdown", "json"}) {
    const Reply file = ask("GET", "/page/chats/" + id + "/export?format=" + format);
    const Json report = good(ask("POST", "/page/import", file.body));
    EXPECT_EQ(report.at("imported"), 1) << report;
    EXPECT_EQ(report.at("skipped"), Json::array());
    const Json copy = get("/page/chats/" + report.at("chats").at(0).get<std::string>());
    EXPECT_EQ(copy.at("chat").at("title"), "mine");
    EXPECT_EQ(copy.at("messages").at(1).at("content"), "answer");
  }
  EXPECT_THAT(listener->take(), ::testing::StartsWith("event: chats\n"));
  EXPECT_EQ(good(ask("POST", "/page/import", ask("GET", "/page/export").body)).at("imported"), 3);
}

TEST_F(ChatRoutes, AFileOfManyChatsIsImportedInPortions) {
  Json chats = Json::array();
  for (int i = 0; i < 130; ++i) {
    Json messages = Json::array();
    for (int k = 0; k < 10; ++k)
      messages.push_back(
          Json{{"role", k % 2 == 0 ? "user" : "assistant"}, {"content", fmt::format("m{}", k)}});
    chats.push_back(
        Json{{"chat", {{"title", fmt::format("chat {}", i)}, {"messages", std::move(messages)}}}});
  }
  const Json report = good(ask("POST", "/page/import", chats.dump()));
  EXPECT_EQ(report.at("imported"), 130);
  ASSERT_EQ(report.at("chats").size(), 130U);
  const Json last = get("/page/chats/" + report.at("chats").at(129).get<std::string>());
  EXPECT_EQ(last.at("chat").at("title"), "chat 129");
  EXPECT_EQ(last.at("messages").size(), 10U);
}

TEST_F(ChatRoutes, AnImportSaysWhatItLeftOut) {
  const std::string file =
      R"([{"chat": {"messages": [{"role": "user", "content": "# What is tea?"}]}}, {"title": "odd"}])";
  const Json report =
      good(server_->ask(fmt::format("POST /page/import HTTP/1.1\r\nHost: localhost\r\nX-Hearth-Page: 1\r\n"
                                    "Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}",
                                    file.size(), file)));
  EXPECT_EQ(report.at("imported"), 1);
  EXPECT_THAT(report.at("skipped").at(0).at("what").get<std::string>(), HasSubstr("odd"));
  EXPECT_THAT(titles(), ::testing::ElementsAre("What is tea?")) << "a chat without a title gets one";
  EXPECT_THAT(error_of(ask("POST", "/page/import", "hello")),
              HasSubstr("400 bad_request: no chats were found"));
  EXPECT_THAT(error_of(ask("POST", "/page/import", "")), HasSubstr("empty"));
  EXPECT_THAT(titles(), ::testing::SizeIs(1));
  const Reply foreign =
      server_->ask("POST /page/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]");
  EXPECT_THAT(error_of(foreign), HasSubstr("page_header"));
}

}  // namespace
}  // namespace hearth::api::page
