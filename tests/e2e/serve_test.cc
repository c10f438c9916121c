// The built program as a server: its doors, its log, its end.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_support::test_data;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class ServeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-serve-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    home_ = name;
  }
  void TearDown() override {
    if (pid_ > 0) stop();
    fs::remove_all(home_);
  }

  // Runs to its end; the exit code.
  int hearth(const std::vector<std::string>& arguments) {
    pid_ = start(arguments);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  }

  // Starts the server and waits until it says where it is.
  void serve(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"serve", "--port", "0", "--model", test_data("models/stories260K.gguf").string()});
    pid_ = start(arguments);
    for (int i = 0; i < 3000 && port_ == 0; ++i) {
      const std::string said = out();
      const size_t at = said.find(" is at http");
      const size_t end = said.find('\n', at);
      if (at != said.npos && end != said.npos) port_ = std::stoi(said.substr(said.rfind(':', end) + 1));
      usleep(10'000);
    }
    ASSERT_NE(port_, 0) << err();
  }
  // Without a chance to put anything in order.
  void die() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
    port_ = 0;
  }
  int stop() {
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  }

  // One request; the whole reply.
  std::string ask(const std::string& head, const std::string& body = {}) const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string bytes =
        head + "Host: localhost\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string reply;
    char block[4096];
    for (ssize_t n; (n = recv(fd, block, sizeof block, 0)) > 0;) reply.append(block, static_cast<size_t>(n));
    close(fd);
    return reply;
  }

  std::string out() const { return contents(home_ / "out"); }
  std::string err() const { return contents(home_ / "err"); }

  fs::path home_;

 private:
  pid_t start(const std::vector<std::string>& arguments) const {
    std::vector<char*> argv{const_cast<char*>(HEARTH_BINARY)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::string out = (home_ / "out").string();
    const std::string err = (home_ / "err").string();
    fs::remove(out);
    const pid_t pid = fork();
    if (pid != 0) return pid;
    setenv("HEARTH_HOME", home_.c_str(), 1);
    setenv("HEARTH_FOREIGN_MODELS", "off", 1);
    const bool redirected = std::freopen("/dev/null", "r", stdin) != nullptr &&
                            std::freopen(out.c_str(), "w", stdout) != nullptr &&
                            std::freopen(err.c_str(), "w", stderr) != nullptr;
    if (redirected) execv(HEARTH_BINARY, argv.data());
    _exit(127);
  }

  pid_t pid_ = -1;
  int port_ = 0;
};

TEST_F(ServeTest, KeysAreMadeListedAndRemoved) {
  ASSERT_EQ(hearth({"key", "add", "laptop"}), 0) << err();
  const std::string key = out();
  EXPECT_THAT(key, ::testing::MatchesRegex("hearth_[a-z2-7]{10}_[a-z2-7]{52}\n"));
  EXPECT_EQ(hearth({"key", "add", "laptop"}), 2);
  EXPECT_THAT(err(), HasSubstr("there is a key \"laptop\" already"));
  EXPECT_EQ(hearth({"key", "add", "robot", "--scope", "chat,manage", "--days", "30"}), 0) << err();
  EXPECT_EQ(hearth({"key", "add", "x", "--scope", "root"}), 2);
  EXPECT_EQ(hearth({"key", "add", "a b"}), 2);
  EXPECT_EQ(hearth({"key"}), 2);

  struct stat status {};
  ASSERT_EQ(::stat((home_ / "keys.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_THAT(contents(home_ / "keys.json"), Not(HasSubstr(key.substr(18, 52))))
      << "the secret is not stored";

  EXPECT_EQ(hearth({"key", "list"}), 0);
  EXPECT_THAT(out(), HasSubstr("laptop"));
  EXPECT_THAT(out(), HasSubstr("chat, manage"));
  EXPECT_THAT(out(), Not(HasSubstr(key.substr(18, 52))));
  EXPECT_EQ(hearth({"key", "remove", "laptop"}), 0);
  EXPECT_EQ(hearth({"key", "remove", "laptop"}), 3);
  EXPECT_EQ(hearth({"key", "list"}), 0);
  EXPECT_THAT(out(), Not(HasSubstr("laptop")));
}

TEST_F(ServeTest, ListeningWiderNeedsKeysOrASayingSo) {
  EXPECT_EQ(hearth({"serve", "--host", "0.0.0.0", "--port", "0"}), 2);
  EXPECT_THAT(err(), HasSubstr("hearth key add NAME"));
  EXPECT_THAT(err(), HasSubstr("--require-keys never"));
  serve({"--host", "0.0.0.0", "--require-keys", "never"});
  EXPECT_THAT(ask("GET /v1/models HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(stop(), 0);
  EXPECT_THAT(err(), HasSubstr("require_keys is never"));
}

TEST_F(ServeTest, AKeyWorksUntilItIsRemoved) {
  ASSERT_EQ(hearth({"key", "add", "laptop"}), 0);
  std::string key = out();
  key.pop_back();
  serve({"--host", "0.0.0.0"});
  EXPECT_THAT(out(), HasSubstr("Authorization: Bearer"));
  const std::string head = "GET /v1/models HTTP/1.1\r\nAuthorization: Bearer ";
  EXPECT_THAT(ask("GET /v1/models HTTP/1.1\r\n"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(ask(head + key + "\r\n"), StartsWith("HTTP/1.1 200"));
  fs::remove(home_ / "keys.json");
  EXPECT_THAT(ask(head + key + "\r\n"), StartsWith("HTTP/1.1 401"));
}

// A browser gets the page that was built in; without Node, a program without one says how to get it.
TEST_F(ServeTest, ThePageIsAtTheRoot) {
  serve({});
  const std::string reply = ask("GET / HTTP/1.1\r\nAccept: text/html\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200"));
  if (reply.find("not part of this build") != std::string::npos) {
    ASSERT_EQ(std::getenv("HEARTH_REQUIRE_DATA"), nullptr) << reply;
    GTEST_SKIP() << "built without the page";
  }
  EXPECT_THAT(reply, HasSubstr("<!doctype html>"));
  EXPECT_THAT(reply, HasSubstr("require-trusted-types-for 'script'"));
  const size_t at = reply.find("src=\"/assets/");
  ASSERT_NE(at, std::string::npos) << reply;
  const std::string script = reply.substr(at + 5, reply.find('"', at + 5) - at - 5);
  EXPECT_THAT(ask("GET " + script + " HTTP/1.1\r\n"), HasSubstr("immutable"));
}

// Whatever moment the process dies at, the chat is there and no answer is left for ever running.
TEST_F(ServeTest, ChatsOutliveAKill) {
  const std::string json = "Content-Type: application/json\r\nX-Hearth-Page: 1\r\n";
  const auto body_of = [](const std::string& reply) {
    return nlohmann::json::parse(reply.substr(reply.find("\r\n\r\n") + 4), nullptr, false);
  };
  serve({});
  const auto chat = body_of(ask("POST /page/chats HTTP/1.1\r\n" + json, "{}"));
  ASSERT_TRUE(chat.is_object() && chat.contains("id"));
  const std::string url = "/page/chats/" + chat["id"].get<std::string>();
  const auto whole = body_of(ask("POST " + url + "/messages HTTP/1.1\r\n" + json,
                                 R"({"content":"Once upon a time","settings":{"max_tokens":60}})"));
  ASSERT_TRUE(whole.is_object() && whole.contains("answer")) << whole;
  const std::string message = whole["answer"]["id"];
  EXPECT_THAT(ask("GET /page/messages/" + message + "/events HTTP/1.1\r\n"), HasSubstr("event: end"));
  const auto cut = body_of(ask("POST " + url + "/messages HTTP/1.1\r\n" + json,
                               R"({"content":"And then", "parent":")" + message + "\"}"));
  ASSERT_TRUE(cut.is_object() && cut.contains("answer")) << cut;
  die();

  serve({});
  const auto kept = body_of(ask("GET " + url + " HTTP/1.1\r\n"));
  ASSERT_TRUE(kept.is_object() && kept.contains("messages")) << kept;
  ASSERT_EQ(kept["messages"].size(), 4u);
  EXPECT_EQ(kept["messages"][1]["status"], "complete");
  EXPECT_NE(kept["messages"][1]["content"], "");
  EXPECT_NE(kept["messages"][3]["status"], "running");
  EXPECT_EQ(kept["chat"]["title"], "Once upon a time");
}

TEST_F(ServeTest, TheLogIsJsonLinesWithoutSecrets) {
  ASSERT_EQ(hearth({"key", "add", "laptop"}), 0);
  std::string key = out();
  key.pop_back();
  serve({"--require-keys", "always", "--log-format", "json", "--log-level", "trace"});
  const std::string canary = "canary5d1e";
  const std::string body =
      R"({"prompt":"Once upon a )" + canary + R"( time","max_tokens":8,"temperature":0})";
  const std::string json =
      "POST /v1/completions?key=" + canary + " HTTP/1.1\r\nContent-Type: application/json\r\n";
  const std::string answered = ask(json + "Authorization: Bearer " + key + "\r\n", body);
  EXPECT_THAT(answered, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(json + "Authorization: Bearer " + canary + "\r\n", body), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(ask(json + "x-api-key: " + canary + "\r\nCookie: " + canary + "\r\n", body),
              StartsWith("HTTP/1.1 401"));
  ask(json + "Authorization: Bearer " + key + "\r\n", body.substr(0, 20));
  EXPECT_EQ(stop(), 0);

  const std::string log = err();
  std::istringstream lines(log);
  int n_requests = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(entry.is_object()) << line;
    EXPECT_TRUE(entry.contains("time") && entry.contains("level")) << line;
    if (entry["event"] != "request") continue;
    ++n_requests;
    if (entry["status"] != 200) continue;
    EXPECT_EQ(entry["key"], "laptop");
    EXPECT_EQ(entry["path"], "/v1/completions");
    EXPECT_EQ(entry["completion_tokens"], 8);
    EXPECT_GT(entry["prompt_tokens"], 0);
    EXPECT_TRUE(entry.contains("queue_ms") && entry.contains("prefill_ms") && entry.contains("decode_ms"))
        << line;
  }
  EXPECT_EQ(n_requests, 4);
  EXPECT_THAT(log, Not(HasSubstr(canary)));
  EXPECT_THAT(log, Not(HasSubstr(key.substr(18))));
}

TEST_F(ServeTest, TlsNeedsBothFiles) {
  EXPECT_EQ(hearth({"serve", "--port", "0", "--tls-cert", "/nowhere/a.pem"}), 2);
  EXPECT_THAT(err(), HasSubstr("TLS needs both"));
  EXPECT_EQ(hearth({"serve", "--port", "0", "--tls-cert", "/nowhere/a.pem", "--tls-key", "/nowhere/b.pem"}),
            2);
  EXPECT_THAT(err(), HasSubstr("/nowhere/a.pem"));
}

}  // namespace
}  // namespace hearth
