// Answers that the server owns: what watchers see, what is kept, and what a crash leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "api/page/answer_log.h"
#include "api/page/answer_request.h"
#include "api/page/chat_title.h"
#include "api/page/page.h"
#include "api/testing/fake_service.h"
#include "api/testing/http_client.h"
#include "base/random_id.h"
#include "store/chats/chat_json.h"

namespace hearth::api::page {
namespace {

using serving::TokenWriter;
using testing::Client;
using testing::end_after;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::post;
using testing::Reply;
using testing::RunningServer;
using testing::words;

constexpr std::string_view kPage = "X-Hearth-Page: 1\r\n";

void say_nothing(TokenWriter&) {}

class Answers : public ::testing::Test {
 protected:
  Answers() : file_(std::filesystem::temp_directory_path() / (random_id("answers_") + ".db")) {
    service_.models[0].capabilities.completion = true;
    serving::LoadedModelState loaded;
    loaded.summary = service_.models[0];
    service_.loaded.push_back(loaded);
    start();
  }
  ~Answers() override {
    stop();
    for (const char* suffix : {"", "-wal", "-shm", ".lock", ".chats-open"})
      std::filesystem::remove(file_.string() + suffix);
  }

  void start() {
    auto opened = store::ChatStore::open(file_);
    ASSERT_TRUE(opened) << opened.error().message;
    chats_ = std::move(*opened);
    PageOptions options;
    options.chats = chats_.get();
    options.answers.save = std::chrono::milliseconds(1);
    page_.emplace(service_, options);
    Router router;
    page_->add_routes(router);
    server_.emplace(std::move(router), HttpServerOptions());
  }
  void stop() {
    if (page_) page_->end_streams();
    server_.reset();
    page_.reset();
    chats_.reset();
  }

  Json ask_json(std::string_view bytes, int status) {
    const Reply reply = server_->ask(bytes);
    EXPECT_EQ(reply.status, status) << reply.body;
    return Json::parse(reply.body, nullptr, false);
  }
  std::string new_chat() {
    auto chat = chats_->create("", {});
    return chat->id;
  }
  // The ids of a question and its answer.
  Json say(const std::string& chat, const std::string& words, const std::string& parent = {}) {
    Json body = {{"content", words}};
    if (!parent.empty()) body["parent"] = parent;
    return ask_json(post("/page/chats/" + chat + "/messages", dump(body), kPage), 201);
  }
  Json act(const std::string& message, const std::string& action, int status = 200) {
    return ask_json(post("/page/messages/" + message + "/" + action, "", kPage), status);
  }
  static std::string id_of(const Json& exchange) { return exchange["answer"]["id"].get<std::string>(); }
  std::string events_of(const std::string& message, std::string_view headers = {},
                        const std::string& query = {}) {
    return server_->ask(get("/page/messages/" + message + "/events" + query, headers)).body;
  }
  // Waits for the end that watchers get.
  store::Message ended(const std::string& message) {
    events_of(message);
    auto found = chats_->message("", message);
    return found ? *found : store::Message();
  }

  const std::filesystem::path file_;
  FakeService service_;
  std::unique_ptr<store::ChatStore> chats_;
  std::optional<Page> page_;
  std::optional<RunningServer> server_;
};

std::string last_id(const std::string& events) {
  const size_t at = events.rfind("id: ");
  return at == std::string::npos ? "" : events.substr(at + 4, events.find('\n', at) - at - 4);
}

TEST_F(Answers, AreWrittenWithoutAnybodyWatching) {
  const std::string chat = new_chat();
  const Json exchange = say(chat, "What is **six** times seven?");
  EXPECT_EQ(exchange["user"]["content"], "What is **six** times seven?");
  EXPECT_EQ(exchange["answer"]["status"], "running");
  EXPECT_EQ(exchange["answer"]["parent"], exchange["user"]["id"]);
  const store::Message answer = ended(id_of(exchange));
  EXPECT_EQ(answer.content, "Hello, world");
  EXPECT_EQ(answer.status, store::MessageStatus::kComplete);
  EXPECT_EQ(answer.finish, "stop");
  EXPECT_EQ(answer.usage->cached_tokens, 1);
  EXPECT_EQ(answer.timings->prefill_ms, 4);
  EXPECT_EQ(answer.model, "tiny/llama:q4");
  const auto kept = chats_->get("", chat);
  EXPECT_EQ(kept->title, "What is six times seven?");
  EXPECT_EQ(kept->leaf, answer.id);
  EXPECT_EQ(kept->model, "tiny/llama:q4");
  EXPECT_FALSE(kept->running);
}

TEST_F(Answers, WatchersSeeASnapshotAndThenWhatComes) {
  service_.play(say_nothing);
  const std::string answer = id_of(say(new_chat(), "Go"));
  Client first = server_->connect();
  first.send(get("/page/messages/" + answer + "/events"));
  EXPECT_THAT(first.receive_until("event: snapshot"), HasSubstr("\"status\":\"running\""));
  service_.writer(0).push(serving::PromptProgress{.total = 9, .cached = 4, .processed = 9});
  service_.writer(0).push(words("one "));
  std::string seen = first.receive_until("one ");
  EXPECT_THAT(seen, HasSubstr("{\"total\":9,\"cached\":4,\"processed\":9}"));
  Client second = server_->connect();
  second.send(get("/page/messages/" + answer + "/events"));
  EXPECT_THAT(second.receive_until("event: snapshot"), HasSubstr("\"content\":\"one \""));
  service_.writer(0).push(words("two"));
  service_.writer(0).push(end_after(9, 2));
  for (Client* client : {&first, &second}) {
    const std::string rest = client->receive_until("event: end");
    EXPECT_THAT(rest, HasSubstr("event: text\ndata: {\"text\":\"two\"}"));
  }
}

TEST_F(Answers, ALostConnectionGoesOnBehindTheLastEvent) {
  service_.play(say_nothing);
  const std::string answer = id_of(say(new_chat(), "Go"));
  std::string seen;
  {
    Client client = server_->connect();
    client.send(get("/page/messages/" + answer + "/events"));
    service_.writer(0).push(words("one "));
    seen = client.receive_until("one ");
    client.reset();
  }
  service_.writer(0).push(words("two "));
  service_.writer(0).push(serving::ReasoningDelta{"hm", {}});
  for (const bool by_header : {true, false}) {
    Client client = server_->connect();
    client.send(get("/page/messages/" + answer + "/events" + (by_header ? "" : "?after=" + last_id(seen)),
                    by_header ? "Last-Event-ID: " + last_id(seen) + "\r\n" : ""));
    const std::string rest = client.receive_until("event: reasoning");
    EXPECT_THAT(rest, Not(HasSubstr("snapshot")));
    EXPECT_THAT(rest, Not(HasSubstr("one ")));
    EXPECT_THAT(rest, HasSubstr("two "));
  }
  service_.writer(0).push(end_after(1, 3));
  // Gone from the buffer with the answer: all of it comes at once.
  const std::string end = events_of(answer, "Last-Event-ID: " + last_id(seen) + "\r\n");
  EXPECT_THAT(end, HasSubstr("event: end"));
  EXPECT_THAT(end, HasSubstr("\"content\":\"one two \""));
  EXPECT_THAT(end, HasSubstr("\"reasoning\":\"hm\""));
}

TEST_F(Answers, IdsThatAreNoneOfOursGetASnapshot) {
  service_.play(say_nothing);
  const std::string answer = id_of(say(new_chat(), "Go"));
  for (const char* id : {"0", "-5", "7", "99999999999999999", "99999999999999999999999", "x", "1e3", ""}) {
    Client client = server_->connect();
    client.send(get("/page/messages/" + answer + "/events", "Last-Event-ID: " + std::string(id) + "\r\n"));
    EXPECT_THAT(client.receive_until("event: snapshot"), HasSubstr("event: snapshot")) << id;
  }
}

TEST_F(Answers, StopKeepsWhatIsThereAndFreesTheModel) {
  service_.play(say_nothing);
  const std::string chat = new_chat();
  const std::string answer = id_of(say(chat, "Go"));
  service_.writer(0).push(words("half an ans"));
  const Json stopped = act(answer, "stop");
  EXPECT_EQ(stopped["status"], "stopped");
  EXPECT_EQ(stopped["content"], "half an ans");
  EXPECT_TRUE(service_.wait_for_cancellations(1, 1'000));
  EXPECT_EQ(act(answer, "stop")["status"], "stopped");

  service_.play([](TokenWriter& writer) {
    writer.push(words("wer"));
    writer.push(end_after(5, 1));
  });
  EXPECT_EQ(act(answer, "continue")["answer"]["content"], "half an ans");
  EXPECT_EQ(ended(answer).content, "half an answer");
  const auto prompt = std::get<serving::ChatPrompt>(service_.requests().back().prompt);
  EXPECT_FALSE(prompt.add_generation_prompt);
  EXPECT_EQ(prompt.messages.back().content, "half an ans");
}

TEST_F(Answers, OneThatWasStoppedSaysWhatItTook) {
  service_.play(say_nothing);
  // An end of its own comes from a model that was done in this moment; its last words may be missing all the
  // same.
  for (const auto reason : {serving::FinishReason::kCancelled, serving::FinishReason::kStop}) {
    serving::GenerationEnd taken = end_after(30, 4, reason);
    taken.usage.cached_tokens = 20;
    taken.timings.decode_ms = 8;
    service_.cancelled_end = taken;
    const std::string answer = id_of(say(new_chat(), "Go"));
    service_.writer(reason == serving::FinishReason::kStop ? 1 : 0).push(words("half"));
    const Json stopped = act(answer, "stop");
    EXPECT_EQ(stopped["status"], "stopped");
    EXPECT_EQ(stopped["content"], "half");
    EXPECT_TRUE(stopped["finish"].is_null());
    EXPECT_EQ(stopped["usage"]["prompt_tokens"], 30);
    EXPECT_EQ(stopped["usage"]["cached_tokens"], 20);
    EXPECT_EQ(stopped["usage"]["completion_tokens"], 4);
    EXPECT_EQ(stopped["timings"]["decode_ms"], 8);
  }
}

TEST_F(Answers, WhatComesAfterTheStopIsNoPartOfIt) {
  service_.play(say_nothing);
  service_.cancelled_end = words(" and more");  // and an end that does not come in time
  const std::string answer = id_of(say(new_chat(), "Go"));
  service_.writer(0).push(words("half"));
  const Json stopped = act(answer, "stop");
  EXPECT_EQ(stopped["status"], "stopped");
  EXPECT_EQ(stopped["content"], "half");
  EXPECT_TRUE(stopped["usage"].is_null());
}

TEST_F(Answers, AThoughtThatWasCutIsThoughtAnew) {
  service_.play(say_nothing);
  const std::string answer = id_of(say(new_chat(), "Go"));
  service_.writer(0).push(serving::ReasoningDelta{"first I", {}});
  EXPECT_EQ(act(answer, "stop")["reasoning"], "first I");
  service_.play([](TokenWriter& writer) {
    writer.push(serving::ReasoningDelta{"now I", {}});
    writer.push(words("know"));
    writer.push(end_after(5, 2));
  });
  act(answer, "continue");
  const store::Message whole = ended(answer);
  EXPECT_EQ(whole.reasoning, "now I");
  EXPECT_EQ(whole.content, "know");
  EXPECT_TRUE(std::get<serving::ChatPrompt>(service_.requests().back().prompt).add_generation_prompt);
}

TEST_F(Answers, OneThatIsWrittenCannotBeContinued) {
  service_.play(say_nothing);
  const Json exchange = say(new_chat(), "Go");
  act(id_of(exchange), "continue", 409);
  act(exchange["user"]["id"], "continue", 400);
  EXPECT_EQ(act(id_of(exchange), "stop")["status"], "stopped");
}

TEST_F(Answers, TheStatusPageListsThem) {
  ended(id_of(say(new_chat(), "Go")));
  const Json status = ask_json(get("/page/status"), 200);
  ASSERT_EQ(status["requests"].size(), 1u);
  EXPECT_EQ(status["requests"][0]["dialect"], "page");
  EXPECT_EQ(status["requests"][0]["status"], 200);
  EXPECT_EQ(status["requests"][0]["completion_tokens"], 2);
}

TEST_F(Answers, RegeneratingMakesASibling) {
  const std::string chat = new_chat();
  const Json first = say(chat, "Again?");
  ended(id_of(first));
  const Json second = act(id_of(first), "regenerate", 201);
  EXPECT_NE(id_of(second), id_of(first));
  EXPECT_EQ(second["answer"]["parent"], first["user"]["id"]);
  EXPECT_EQ(ended(id_of(second)).content, "Hello, world");
  EXPECT_EQ(std::get<serving::ChatPrompt>(service_.requests().back().prompt).messages.size(), 1u);
  EXPECT_EQ(chats_->messages("", chat)->size(), 3u);
}

TEST_F(Answers, TheModelIsAskedWithThePathAndTheSettings) {
  const std::string chat = new_chat();
  store::ChatChange change;
  change.settings = store::ChatSettings();
  change.settings->system = "Be brief.";
  change.settings->temperature = 0.5;
  change.settings->thinking = false;
  change.settings->max_tokens = 7;
  ASSERT_TRUE(chats_->change("", chat, change));
  const Json first = say(chat, "One");
  ended(id_of(first));
  ended(id_of(say(chat, "another branch")));
  const Json third = ask_json(post("/page/chats/" + chat + "/messages",
                                   dump(Json{{"parent", id_of(first)},
                                             {"content", "Two"},
                                             {"attachments", {{{"name", "a.txt"}, {"text", "x```y"}}}}}),
                                   kPage),
                              201);
  ended(id_of(third));
  const serving::GenerationRequest request = service_.requests().back();
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.max_tokens, 7);
  const auto& prompt = std::get<serving::ChatPrompt>(request.prompt);
  EXPECT_EQ(prompt.thinking, false);
  ASSERT_EQ(prompt.messages.size(), 4u);
  EXPECT_EQ(prompt.messages[0].content, "Be brief.");
  EXPECT_EQ(prompt.messages[1].content, "One");
  EXPECT_EQ(prompt.messages[2].content, "Hello, world");
  EXPECT_EQ(prompt.messages[3].content, "File: a.txt\n````\nx```y\n````\n\nTwo");
}

TEST_F(Answers, WhatIsRefusedStoresNothing) {
  const std::string chat = new_chat();
  const std::string url = "/page/chats/" + chat + "/messages";
  service_.refuse(Error{ErrorCategory::kQueueFull, "too many wait"});
  const Json full = ask_json(post(url, R"({"content":"hi"})", kPage), 429);
  EXPECT_EQ(full["error"]["code"], "queue_full");
  EXPECT_EQ(ask_json(post(url, R"({"content":"hi","model":"nobody"})", kPage), 404)["error"]["code"],
            "model_not_found");
  ask_json(post(url, R"({"content":"hi","parent":"m_none"})", kPage), 404);
  ask_json(post(url, R"({"content":7})", kPage), 400);
  ask_json(post(url, R"({"content":"hi","settings":{"temperature":-1}})", kPage), 400);
  ask_json(post(url, R"({"content":"hi","attachments":[{"name":1}]})", kPage), 400);
  ask_json(post(url, "{", kPage), 400);
  ask_json(post(url, R"({"content":"hi"})"), 403);
  EXPECT_TRUE(chats_->messages("", chat)->empty());
  service_.models.clear();
  EXPECT_EQ(ask_json(post(url, R"({"content":"hi"})", kPage), 409)["error"]["code"], "no_model");
}

TEST_F(Answers, OfOthersAreNotThere) {
  const auto foreign = chats_->create("somebody", {});
  const auto exchange = chats_->add_exchange("somebody", foreign->id, "", {"secret", {}}, "m");
  ask_json(post("/page/chats/" + foreign->id + "/messages", R"({"content":"hi"})", kPage), 404);
  for (const char* action : {"stop", "continue", "regenerate"}) act(exchange->answer.id, action, 404);
  ask_json(get("/page/messages/" + exchange->answer.id + "/events"), 404);
  ask_json("DELETE /page/messages/" + exchange->answer.id + " HTTP/1.1\r\nHost: localhost\r\n" +
               std::string(kPage) + "\r\n",
           404);
  // A parent of another chat.
  const std::string mine = new_chat();
  ask_json(post("/page/chats/" + mine + "/messages",
                dump(Json{{"content", "hi"}, {"parent", exchange->user.id}}), kPage),
           404);
  const Json own = say(new_chat(), "own");
  ask_json(post("/page/chats/" + mine + "/messages",
                dump(Json{{"content", "hi"}, {"parent", own["user"]["id"]}}), kPage),
           404);
  EXPECT_TRUE(chats_->messages("", mine)->empty());
  EXPECT_EQ(chats_->message("somebody", exchange->answer.id)->status, store::MessageStatus::kRunning);
}

TEST_F(Answers, HostileIdsAreNotFound) {
  const std::vector<std::string> ids = {"..",
                                        "%2e%2e%2f",
                                        "'; DROP TABLE messages; --",
                                        "%F0%9F%92%A9",
                                        "a%00b",
                                        "x%0d%0aSet-Cookie:%20a",
                                        std::string(4000, 'x')};
  for (const std::string& id : ids) {
    std::string encoded = id;
    for (size_t at; (at = encoded.find(' ')) != std::string::npos;) encoded.replace(at, 1, "%20");
    const Reply reply = server_->ask(post("/page/messages/" + encoded + "/stop", "", kPage));
    EXPECT_TRUE(reply.status == 404 || reply.status == 400) << id << reply.status;
    EXPECT_EQ(reply.header("Set-Cookie"), "");
  }
  EXPECT_EQ(ended(id_of(say(new_chat(), "still there?"))).content, "Hello, world");
}

TEST_F(Answers, FailuresKeepTheTextAndSayWhy) {
  service_.play([](TokenWriter& writer) {
    writer.push(words("so far"));
    writer.push(Error{ErrorCategory::kIo, "the disk is gone"});
  });
  const store::Message answer = ended(id_of(say(new_chat(), "Go")));
  EXPECT_EQ(answer.status, store::MessageStatus::kFailed);
  EXPECT_EQ(answer.content, "so far");
  EXPECT_EQ(answer.error->message, "the disk is gone");
}

TEST_F(Answers, AServerThatEndsLeavesThemInterrupted) {
  service_.play(say_nothing);
  const std::string answer = id_of(say(new_chat(), "Go"));
  service_.writer(0).push(words("so far"));
  stop();
  start();
  const auto kept = chats_->message("", answer);
  EXPECT_EQ(kept->status, store::MessageStatus::kInterrupted);
  EXPECT_EQ(kept->content, "so far");
  EXPECT_THAT(events_of(answer), HasSubstr("\"status\":\"interrupted\""));
}

// What is on the disk at any moment is what a process that is killed there leaves.
TEST_F(Answers, AreSavedWhileTheyGrow) {
  service_.play(say_nothing);
  const std::string answer = id_of(say(new_chat(), "Go"));
  Client client = server_->connect();
  client.send(get("/page/messages/" + answer + "/events"));
  client.receive_until("event: snapshot");
  std::string kept;
  for (int i = 0; i < 200 && kept.find("so far") == std::string::npos; ++i) {
    service_.writer(0).push(words(i == 0 ? "so far" : "."));
    client.receive_until("event: text");
    kept = chats_->message("", answer)->content;
  }
  EXPECT_THAT(kept, HasSubstr("so far"));
  EXPECT_EQ(chats_->message("", answer)->status, store::MessageStatus::kRunning);
}

TEST_F(Answers, EndWithTheMessageTheyBelongTo) {
  service_.play(say_nothing);
  const Json exchange = say(new_chat(), "Go");
  const std::string question = exchange["user"]["id"];
  const Reply removed = server_->ask("DELETE /page/messages/" + question +
                                     " HTTP/1.1\r\nHost: localhost\r\n" + std::string(kPage) + "\r\n");
  EXPECT_EQ(removed.status, 204);
  EXPECT_TRUE(service_.wait_for_cancellations(1, 1'000));
  EXPECT_EQ(server_->ask(get("/page/messages/" + id_of(exchange) + "/events")).status, 404);
}

TEST_F(Answers, OtherPagesHearOfThem) {
  Client other = server_->connect();
  other.send(get("/page/events"));
  other.receive_until("hello");
  const std::string chat = new_chat();
  const Json exchange = say(chat, "Hear me");
  const std::string heard = other.receive_until("\"status\":\"complete\"");
  EXPECT_THAT(heard, HasSubstr("\"title\":\"Hear me\""));
  EXPECT_THAT(heard, HasSubstr("\"status\":\"running\""));
  EXPECT_THAT(heard, HasSubstr(id_of(exchange)));
}

TEST(AnswerLog, WhoIsTooFarBehindStartsAnew) {
  store::Message message;
  message.id = "m1";
  const auto log = std::make_shared<AnswerLog>("", message, 100, 200);
  const auto slow = log->watch(std::nullopt);
  EXPECT_THAT(slow->take(), HasSubstr("id: 100\nevent: snapshot"));
  for (int i = 0; i < 20; ++i) log->add_text("some words ");
  const std::string seen = slow->take();
  EXPECT_THAT(seen, HasSubstr("id: 120\nevent: snapshot"));
  log->add_text("the last");
  EXPECT_EQ(slow->take(), "id: 121\nevent: text\ndata: {\"text\":\"the last\"}\n\n");
  EXPECT_EQ(slow->take(), "");
  message.content = "all";
  log->end(message);
  EXPECT_TRUE(slow->ended());
  EXPECT_THAT(slow->take(), HasSubstr("event: end"));
  EXPECT_THAT(log->watch(3)->take(), HasSubstr("event: end"));
}

TEST(ChatTitle, IsMadeOfTheFirstWords) {
  EXPECT_EQ(title_of("What is **six** times `seven`?"), "What is six times seven?");
  EXPECT_EQ(title_of("\n\n## A heading\nmore"), "A heading");
  EXPECT_EQ(title_of("- [a link](http://example.org) and more"), "a link and more");
  EXPECT_EQ(title_of("> 1. quoted   list"), "quoted list");
  EXPECT_EQ(title_of("-5 degrees, is that cold?"), "-5 degrees, is that cold?");
  EXPECT_EQ(title_of("my_snake_case stays"), "my_snake_case stays");
  EXPECT_EQ(title_of("```python\nprint(1)\n```\nWhat does this do?"), "What does this do?");
  EXPECT_EQ(title_of("```\nprint(1)\n```"), "print(1)");
  EXPECT_EQ(title_of("Please explain to me in some detail how a transistor amplifies a signal"),
            "Please explain to me in some detail how a transistor…");
  EXPECT_EQ(title_of("你好世界"), "你好世界");
  EXPECT_EQ(title_of(" \n\t"), "");
  EXPECT_EQ(title_of(""), "");
  const std::string one_word = title_of(std::string(500, 'x'));
  EXPECT_EQ(one_word, std::string(60, 'x') + "…");
  std::string chinese;
  for (int i = 0; i < 100; ++i) chinese += "语";
  EXPECT_EQ(title_of(chinese).size(), 60 * 3 + std::string("…").size());
}

}  // namespace
}  // namespace hearth::api::page
