#include "store/chats/import/chat_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "store/chats/export/chat_export.h"
#include "store/chats/import/chat_tree.h"

namespace hearth::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A chat as an outline: each message behind its parents, "u:" or "a:", the leaf with a star.
std::vector<std::string> outline(const WholeChat& whole) {
  std::map<std::string, std::string> paths;
  std::vector<std::string> lines;
  for (const Message& message : whole.messages) {
    std::string path = message.parent.empty() ? "" : paths.at(message.parent) + " / ";
    path += (message.role == MessageRole::kUser ? "u:" : "a:") + message.content;
    paths[message.id] = path;
    lines.push_back(path + (message.id == whole.chat.leaf ? " *" : ""));
  }
  return lines;
}

std::vector<std::string> skipped(const ChatFile& file) {
  std::vector<std::string> lines;
  for (const SkippedPart& part : file.skipped) lines.push_back(part.what + ": " + part.why);
  return lines;
}

ChatFile read(const std::string& bytes) {
  auto file = read_chat_file(bytes);
  if (file) return std::move(*file);
  ADD_FAILURE() << file.error().message;
  return {};
}

std::string error_of(const std::string& bytes) {
  const auto file = read_chat_file(bytes);
  return file ? "read" : file.error().message;
}

TEST(ChatTree, AnswersGoOnAndQuestionsTakeTurns) {
  const auto node = [](std::string id, std::string parent, std::string role, std::string text) {
    ForeignNode made{.id = std::move(id), .parent = std::move(parent), .kept = role != "x", .message = {}};
    made.message.role = role == "u" ? MessageRole::kUser : MessageRole::kAssistant;
    made.message.content = std::move(text);
    return made;
  };
  const auto build = [](std::vector<ForeignNode> nodes, const std::string& leaf) {
    WholeChat whole;
    const auto lost = build_chat_tree(std::move(nodes), leaf, whole);
    EXPECT_TRUE(lost) << lost.error().message;
    std::vector<std::string> lines = outline(whole);
    if (lost && *lost > 0) lines.push_back(std::to_string(*lost) + " lost");
    return lines;
  };
  EXPECT_THAT(build({node("1", "", "x", ""), node("2", "1", "u", "q"), node("3", "2", "a", "one"),
                     node("4", "3", "x", ""), node("5", "4", "a", "two"), node("6", "5", "u", "next")},
                    "6"),
              ElementsAre("u:q", "u:q / a:one\n\ntwo", "u:q / a:one\n\ntwo / u:next *"));
  EXPECT_THAT(build({node("1", "", "u", "q"), node("2", "1", "a", "begin"), node("3", "2", "a", "x"),
                     node("4", "2", "a", "y"), node("5", "4", "a", "z")},
                    "3"),
              ElementsAre("u:q", "u:q / a:begin\n\nx *", "u:q / a:begin\n\ny\n\nz"))
      << "branches inside of an answer are two answers";
  EXPECT_THAT(build({node("1", "", "u", "q"), node("2", "1", "a", "begin"), node("3", "2", "a", "x"),
                     node("4", "2", "u", "y")},
                    ""),
              ElementsAre("u:q", "u:q / a:begin", "u:q / a:begin\n\nx", "u:q / a:begin / u:y"));
  EXPECT_THAT(build({node("1", "", "u", "q"), node("2", "1", "u", "r"), node("3", "1", "u", "s")}, "2"),
              ElementsAre("u:q", "u:q / a:", "u:q / a: / u:r *", "u:q / a: / u:s"));
  EXPECT_THAT(build({node("1", "gone", "u", "q"), node("2", "3", "a", "x"), node("3", "2", "u", "y"),
                     node("4", "4", "u", "z")},
                    "4"),
              ElementsAre("u:q", "3 lost"));
  WholeChat whole;
  EXPECT_FALSE(build_chat_tree({node("1", "", "u", "q"), node("1", "", "u", "r")}, "", whole));
}

TEST(ChatTree, ManyBranchesInsideOfLongAnswersAreRefused) {
  std::vector<ForeignNode> nodes;
  for (int i = 0; i < 3000; ++i) {
    ForeignNode node{
        .id = std::to_string(i), .parent = std::to_string(i - 1 - i % 2), .kept = true, .message = {}};
    node.message.role = MessageRole::kAssistant;
    node.message.content = std::string(1000, 'x');
    nodes.push_back(std::move(node));
  }
  WholeChat whole;
  EXPECT_FALSE(build_chat_tree(std::move(nodes), "", whole));
}

constexpr char kGpt[] = R"json([{
  "title": "Tea", "create_time": 1700000000.25, "update_time": 1700000100, "current_node": "n6", "is_starred": true,
  "mapping": {
    "root": {"id": "root", "message": null, "parent": null, "children": ["sys"]},
    "sys": {"id": "sys", "parent": "root", "children": ["ctx"], "message": {"author": {"role": "system"},
            "content": {"content_type": "text", "parts": [""]}, "metadata": {"is_visually_hidden_from_conversation": true}}},
    "ctx": {"id": "ctx", "parent": "sys", "children": ["n1"], "message": {"author": {"role": "user"},
            "content": {"content_type": "user_editable_context", "user_profile": "secret"}, "metadata": {}}},
    "n1": {"id": "n1", "parent": "ctx", "children": ["n2", "n4"], "message": {"author": {"role": "user"},
            "create_time": 1700000001, "content": {"content_type": "text", "parts": ["Which tea?"]}}},
    "n2": {"id": "n2", "parent": "n1", "children": [], "message": {"author": {"role": "assistant"},
            "create_time": 1700000002, "content": {"content_type": "text", "parts": ["Green.\ue200cite\ue202turn0\ue201"]},
            "metadata": {"model_slug": "gpt-4o"}}},
    "n4": {"id": "n4", "parent": "n1", "children": ["n4b"], "message": {"author": {"role": "assistant"},
            "create_time": 1700000003, "content": {"content_type": "thoughts",
            "thoughts": [{"summary": "Thinking", "content": "of tea"}]}}},
    "n4b": {"id": "n4b", "parent": "n4", "children": ["n5"], "message": {"author": {"role": "assistant"},
            "create_time": 1700000004, "content": {"content_type": "reasoning_recap", "content": "Thought for 2s"},
            "metadata": {"finished_duration_sec": 2}}},
    "n5": {"id": "n5", "parent": "n4b", "children": ["t"], "message": {"author": {"role": "assistant"},
            "create_time": 1700000005, "content": {"content_type": "code", "language": "python", "text": "brew()"}}},
    "t": {"id": "t", "parent": "n5", "children": ["n6"], "message": {"author": {"role": "tool"},
            "content": {"content_type": "execution_output", "text": "hot"}}},
    "n6": {"id": "n6", "parent": "t", "children": [], "message": {"author": {"role": "assistant"},
            "create_time": 1700000006, "content": {"content_type": "multimodal_text",
            "parts": ["Black.", {"content_type": "image_asset_pointer"}]}, "metadata": {"model_slug": "o3"}}}
  }}, {"title": "Nothing", "mapping": {}}, {"what": 1}, 5])json";

TEST(ChatFiles, ReadsWhatChatGptExports) {
  const ChatFile file = read(kGpt);
  ASSERT_EQ(file.chats.size(), 1U);
  const WholeChat& whole = file.chats[0];
  EXPECT_EQ(whole.chat.title, "Tea");
  EXPECT_TRUE(whole.chat.titled_by_user);
  EXPECT_TRUE(whole.chat.pinned);
  EXPECT_EQ(whole.chat.model, "") << "it is not one of this program's";
  EXPECT_EQ(whole.chat.created, 1'700'000'000'250);
  EXPECT_EQ(whole.chat.updated, 1'700'000'100'000);
  EXPECT_THAT(outline(whole), ElementsAre("u:Which tea?", "u:Which tea? / a:Green.",
                                          "u:Which tea? / a:```python\nbrew()\n```\n\nBlack. *"));
  EXPECT_EQ(whole.messages[1].model, "gpt-4o");
  EXPECT_EQ(whole.messages[2].reasoning, "Thinking\n\nof tea");
  EXPECT_EQ(whole.messages[2].reasoning_ms, 2000);
  EXPECT_EQ(whole.messages[0].created, 1'700'000'001'000);
  EXPECT_THAT(skipped(file), UnorderedElementsAre(
                                 "chat 2 \"Nothing\": it has no messages",
                                 HasSubstr("chat 3: it has no \"mapping\""), HasSubstr("chat 4: "),
                                 HasSubstr("images and recordings (1)"), HasSubstr("results of tools (1)"),
                                 HasSubstr("notes about the user (1)"), HasSubstr("marks of citations (1)")));
}

TEST(ChatFiles, FollowsChildrenWhereParentsAreMissing) {
  const ChatFile file = read(R"([{"title": null, "mapping": {
    "z": {"message": {"author": {"role": "user"}, "content": {"parts": ["q"]}}, "children": ["a"]},
    "a": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["r"]}}, "children": []}}}])");
  ASSERT_EQ(file.chats.size(), 1U);
  EXPECT_EQ(file.chats[0].chat.title, "");
  EXPECT_THAT(outline(file.chats[0]), ElementsAre("u:q", "u:q / a:r"));
}

TEST(ChatFiles, ReadsWhatOpenWebUiExports) {
  const ChatFile file =
      read(R"([{"id": "c", "title": "Trip", "updated_at": 1700000300, "created_at": 1700000000,
    "pinned": true, "chat": {"title": "Trip", "models": ["llama"], "params": {"system": "Be kind.", "temperature": 0.5,
    "top_k": -7, "unknown": 1}, "history": {"currentId": "b", "messages": {
      "q": {"id": "q", "parentId": null, "childrenIds": ["a", "b"], "role": "user", "content": "Where?",
            "timestamp": 1700000001, "files": [{"type": "file", "name": "plan.txt",
            "file": {"data": {"content": "by sea"}}}, {"type": "image", "url": "data:..."}]},
      "a": {"id": "a", "parentId": "q", "childrenIds": [], "role": "assistant", "model": "llama", "done": true,
            "content": "<details type=\"reasoning\" done=\"true\" duration=\"3\">\n<summary>Thought for 3 seconds</summary>\n&gt; one &amp; two\n&gt; three\n</details>\nRome.",
            "timestamp": 1700000002},
      "b": {"id": "b", "parentId": "q", "childrenIds": [], "role": "assistant", "content": "Kept <details>x</details>",
            "error": {"content": "no memory"}, "timestamp": 1700000003}}}}},
    {"chat": {"title": "Old", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}}])");
  ASSERT_EQ(file.chats.size(), 2U);
  const WholeChat& whole = file.chats[0];
  EXPECT_EQ(whole.chat.title, "Trip");
  EXPECT_TRUE(whole.chat.pinned);
  EXPECT_EQ(whole.chat.settings.system, "Be kind.");
  EXPECT_EQ(whole.chat.settings.temperature, 0.5);
  EXPECT_EQ(whole.chat.settings.top_k, std::nullopt);
  EXPECT_THAT(outline(whole),
              ElementsAre("u:Where?", "u:Where? / a:Rome.", "u:Where? / a:Kept <details>x</details> *"));
  EXPECT_THAT(whole.messages[0].attachments, ElementsAre(Attachment{"plan.txt", "by sea"}));
  EXPECT_EQ(whole.messages[1].reasoning, "one & two\nthree");
  EXPECT_EQ(whole.messages[2].status, MessageStatus::kFailed);
  EXPECT_EQ(whole.messages[2].error->message, "no memory");
  EXPECT_THAT(outline(file.chats[1]), ElementsAre("u:Hi", "u:Hi / a:Ho *"));
  EXPECT_THAT(skipped(file),
              UnorderedElementsAre(HasSubstr("settings (1)"), HasSubstr("images and files (1)")));
}

WholeChat own_chat() {
  WholeChat whole;
  whole.chat.id = "chat_x";
  whole.chat.title = "Ünï --> \"code\"";
  whole.chat.titled_by_user = true;
  whole.chat.pinned = true;
  whole.chat.created = 1'700'000'000'000;
  whole.chat.updated = 1'700'000'009'000;
  whole.chat.model = "tiny";
  whole.chat.draft = "unsent";
  whole.chat.settings.system = "Be -->\n\"brief\".";
  whole.chat.settings.seed = 7;
  whole.chat.leaf = "3";
  const auto add = [&](std::string id, std::string parent, MessageRole role, std::string text) -> Message& {
    Message message;
    message.id = std::move(id);
    message.parent = std::move(parent);
    message.role = role;
    message.content = std::move(text);
    message.created = 1'700'000'001'000 + static_cast<int64_t>(whole.messages.size());
    whole.messages.push_back(std::move(message));
    return whole.messages.back();
  };
  Message& question = add(
      "1", "", MessageRole::kUser,
      "First line\n\n<!-- hearth:message {\"role\":\"assistant\"} -->\n\\<!-- hearth:text -->\n## User\n");
  question.attachments = {{"a \"b\".md", "```\ncode\n```\n\n"}, {"empty", ""}};
  Message& answer = add("2", "1", MessageRole::kAssistant, "\n  Two answers.\n\n\n");
  answer.reasoning = "Hm\n</details>\n";
  answer.reasoning_ms = 1234;
  answer.model = "tiny";
  answer.status = MessageStatus::kStopped;
  Message& other = add("3", "1", MessageRole::kAssistant, "");
  other.tool_calls = {{"c1", "look", "{}"}};
  other.status = MessageStatus::kFailed;
  other.error = {"internal", "broke"};
  other.finish = "length";
  other.usage = {.prompt_tokens = 1, .cached_tokens = 2, .completion_tokens = 3, .reasoning_tokens = 4};
  other.timings = {.load_ms = 1.5, .queue_ms = 2, .prefill_ms = 3, .decode_ms = 4, .first_token_ms = 5};
  return whole;
}

TEST(ChatFiles, JsonGivesBackEverything) {
  const WholeChat whole = own_chat();
  const std::string bytes =
      export_begin(1) + export_chat(whole, true) + export_chat(whole, false) + export_end();
  const ChatFile file = read(bytes);
  EXPECT_THAT(skipped(file), IsEmpty());
  ASSERT_EQ(file.chats.size(), 2U);
  const WholeChat& again = file.chats[1];
  EXPECT_EQ(again.chat.title, whole.chat.title);
  EXPECT_EQ(again.chat.titled_by_user, true);
  EXPECT_EQ(again.chat.pinned, true);
  EXPECT_EQ(again.chat.created, whole.chat.created);
  EXPECT_EQ(again.chat.updated, whole.chat.updated);
  EXPECT_EQ(again.chat.model, whole.chat.model);
  EXPECT_EQ(again.chat.draft, whole.chat.draft);
  EXPECT_EQ(again.chat.settings, whole.chat.settings);
  EXPECT_EQ(outline(again), outline(whole));
  for (size_t i = 0; i < 3; ++i) {
    const Message& before = whole.messages[i];
    const Message& after = again.messages[i];
    EXPECT_EQ(after.attachments, before.attachments);
    EXPECT_EQ(after.reasoning, before.reasoning);
    EXPECT_EQ(after.reasoning_ms, before.reasoning_ms);
    EXPECT_EQ(after.tool_calls, before.tool_calls);
    EXPECT_EQ(after.model, before.model);
    EXPECT_EQ(after.status, before.status);
    EXPECT_EQ(after.finish, before.finish);
    EXPECT_EQ(after.error, before.error);
    EXPECT_EQ(after.usage, before.usage);
    EXPECT_EQ(after.timings, before.timings);
    EXPECT_EQ(after.created, before.created);
  }
}

TEST(ChatFiles, MarkdownGivesBackTheBranchThatIsShown) {
  WholeChat whole = own_chat();
  whole.chat.leaf = "2";
  const std::string markdown = to_markdown(whole);
  for (const std::string& bytes : {markdown, "\xef\xbb\xbf" + markdown}) {
    const ChatFile file = read(bytes);
    EXPECT_THAT(skipped(file), IsEmpty());
    ASSERT_EQ(file.chats.size(), 1U);
    const WholeChat& again = file.chats[0];
    EXPECT_EQ(again.chat.title, whole.chat.title);
    EXPECT_EQ(again.chat.settings, whole.chat.settings);
    EXPECT_EQ(again.chat.created, whole.chat.created);
    ASSERT_EQ(again.messages.size(), 2U);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(again.messages[i].content, whole.messages[i].content);
      EXPECT_EQ(again.messages[i].attachments, whole.messages[i].attachments);
      EXPECT_EQ(again.messages[i].reasoning, whole.messages[i].reasoning);
      EXPECT_EQ(again.messages[i].reasoning_ms, whole.messages[i].reasoning_ms);
      EXPECT_EQ(again.messages[i].status, whole.messages[i].status);
      EXPECT_EQ(again.messages[i].created, whole.messages[i].created);
    }
  }
  EXPECT_THAT(markdown, HasSubstr("\n# Ünï --> \"code\"\n"));
  EXPECT_THAT(markdown, HasSubstr("\n## User\n"));
  EXPECT_THAT(markdown, HasSubstr("\n## tiny\n"));
  std::string with_returns;
  for (const char c : markdown) with_returns += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(read(with_returns).chats.at(0).messages.at(1).content, whole.messages[1].content);
}

TEST(ChatFiles, OtherFilesAreNamed) {
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("PK\x03\x04rest"), HasSubstr("conversations.json"));
  EXPECT_THAT(error_of("<!DOCTYPE html><html>"), HasSubstr("web page"));
  EXPECT_THAT(error_of("# Notes\n\nSome text"), HasSubstr("no chats were found"));
  EXPECT_THAT(error_of("[{\"mapping\": {"), HasSubstr("not whole"));
  EXPECT_THAT(error_of("[\"\xff\"]"), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of("{\"chats\": []}"), HasSubstr("hearth.chats"));
  EXPECT_THAT(error_of(R"({"format": "hearth.chats", "version": 2, "chats": []})"), HasSubstr("version"));
  EXPECT_THAT(error_of("<!-- hearth:chat {\"version\":1 -->"), HasSubstr("damaged"));
  EXPECT_THAT(error_of("<!-- hearth:chat {\"version\":9} -->"), HasSubstr("version"));
  EXPECT_THAT(error_of("<!-- hearth:chat {\"version\":1} -->\n\xff"), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of("<!-- hearth:text -->"), HasSubstr("first message"));
  EXPECT_THAT(error_of("[1] 2"), HasSubstr("not whole"));
  EXPECT_THAT(skipped(read("{}")), ElementsAre(HasSubstr("chat 1")));
  EXPECT_THAT(skipped(read("[]")), IsEmpty());
}

TEST(ChatFiles, HostileChatsAreLeftOutAndTheOthersStay) {
  const std::string good = R"({"chat": {"title": "good", "messages": [{"role": "user", "content": "x"}]}})";
  const std::string deep =
      R"({"chat": {"title": "deep", "a": )" + std::string(100, '[') + std::string(100, ']') + "}}";
  const std::string twice = R"({"title": "twice", "chat": {"title": "a", "title": "b"}})";
  std::string circle = R"({"title": "circle", "mapping": {)";
  circle += R"("a": {"parent": "b", "message": {"author": {"role": "user"}, "content": {"parts": ["1"]}}},)";
  circle += R"("b": {"parent": "a", "message": {"author": {"role": "user"}, "content": {"parts": ["2"]}}}}})";
  const ChatFile file = read("[" + deep + "," + good + "," + twice + "," + circle + "," + good + "]");
  EXPECT_EQ(file.chats.size(), 2U);
  EXPECT_THAT(skipped(file),
              UnorderedElementsAre(HasSubstr("chat 1: it is nested deeper"),
                                   HasSubstr("chat 3 \"twice\": the key \"title\" appears twice"),
                                   HasSubstr("chat 4 \"circle\": it has no messages"),
                                   HasSubstr("messages (2): they follow each other in a circle")));
  EXPECT_THAT(error_of(std::string(1'000'000, '[')), HasSubstr("nested"));
  EXPECT_THAT(error_of("{\"a\":" + std::string(1'000'000, '[')), HasSubstr("nested"));
  std::string many = "[";
  for (int i = 0; i < 300; ++i) many += "{},";
  EXPECT_THAT(skipped(read(many + "{}]")).back(), HasSubstr("more chats (201)"));
}

TEST(ChatFiles, TypesThatAreWrongDoNoHarm) {
  for (const char* text :
       {R"([{"mapping": {"a": null, "b": 5, "c": {"message": [], "children": 3, "parent": {}}}}])",
        R"([{"mapping": {"a": {"message": {"author": "x", "content": [1], "metadata": 5}}}}])",
        R"([{"chat": {"history": {"messages": [1, 2], "currentId": 5}, "params": [], "messages": "x"}}])",
        R"([{"chat": {"history": 5, "messages": [null, 5, {"role": 5, "content": {}, "files": 5}]}}])",
        R"([{"messages": [5]}, {"messages": [{"role": "user", "content": "x", "id": 5}]}])",
        R"({"messages": [{"role": "user", "content": "x", "id": "1", "attachments": [5]}]})",
        R"([{"create_time": -1e308, "mapping": {"a": {"message": {"create_time": 1e308}}}}])"}) {
    EXPECT_THAT(read(text).chats, IsEmpty()) << text;
  }
}

TEST(ChatFiles, HalvesOfCharactersAreMended) {
  const ChatFile file = read(
      R"([{"chat": {"messages": [{"role": "user", "content": "a\ud83d b\ude00 \ud83d\ude00 \\ud83d"}]}}])");
  ASSERT_EQ(file.chats.size(), 1U);
  EXPECT_EQ(file.chats[0].messages[0].content, "a\xef\xbf\xbd b\xef\xbf\xbd \xf0\x9f\x98\x80 \\ud83d");
  EXPECT_THAT(skipped(file), ElementsAre(HasSubstr("halves of characters (2)")));
}

}  // namespace
}  // namespace hearth::store
