// key: who may use a server that can be reached from other machines.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "api/access/key_file.h"
#include "base/atomic_file.h"
#include "app/commands/commands.h"

namespace hearth::app {
namespace {

struct KeyOptions {
  std::string name;
  std::vector<std::string> scopes{"chat"};
  int days = 0;
};

// Holds off other programs that change the keys. The lock is the system's: it ends with the process.
class KeyFileLock {
 public:
  static Result<KeyFileLock> acquire(const std::filesystem::path& key_file) {
    const std::string name = key_file.string() + ".lock";
    std::error_code error;
    std::filesystem::create_directories(key_file.parent_path(), error);
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(ErrorCategory::kIo, "cannot write {}: {}", name, std::strerror(errno));
    KeyFileLock lock(fd);
    while (::flock(fd, LOCK_EX) != 0) {
      if (errno != EINTR) return fail(ErrorCategory::kIo, "cannot lock {}: {}", name, std::strerror(errno));
    }
    return lock;
  }
  KeyFileLock(KeyFileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  KeyFileLock& operator=(KeyFileLock&&) = delete;
  ~KeyFileLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit KeyFileLock(int fd) : fd_(fd) {}
  int fd_;
};

Result<std::filesystem::path> key_file_of(const Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  return settings.key_file();
}

std::string scopes_of(const api::ApiKey& key) {
  std::string text;
  for (const api::Scope scope : key.scopes) text.append(text.empty() ? "" : ", ").append(api::word_of(scope));
  return text;
}

std::string date(int64_t unix_seconds) {
  const std::time_t time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  char text[16];
  if (gmtime_r(&time, &parts) == nullptr || std::strftime(text, sizeof text, "%Y-%m-%d", &parts) == 0)
    return "?";
  return text;
}

Status make_key(const KeyOptions& options, const Environment& environment) {
  std::vector<api::Scope> scopes;
  for (const std::string& word : options.scopes) {
    const auto scope = api::scope_of_word(word);
    if (!scope)
      return fail(ErrorCategory::kInvalidArgument, "--scope is \"{}\", must be chat or manage", word);
    scopes.push_back(*scope);
  }
  HEARTH_TRY(const std::filesystem::path path, key_file_of(environment));
  HEARTH_TRY(const KeyFileLock lock, KeyFileLock::acquire(path));
  HEARTH_TRY(api::ApiKeys keys, api::read_key_file(path));
  const int64_t now = std::time(nullptr);
  std::optional<int64_t> expires;
  if (options.days > 0) expires = now + int64_t{options.days} * 24 * 3600;
  HEARTH_TRY(const std::string key, keys.add(options.name, std::move(scopes), now, expires));
  HEARTH_CHECK_OK(write_file_atomically(path, keys.to_text()));
  environment.print(key + "\n");
  environment.say("this key is shown once: keep it where its user finds it");
  return {};
}

Status list_keys(const Environment& environment) {
  HEARTH_TRY(const std::filesystem::path path, key_file_of(environment));
  HEARTH_TRY(const api::ApiKeys keys, api::read_key_file(path));
  if (keys.empty()) {
    environment.say("there are no keys; hearth key add NAME makes one");
    return {};
  }
  size_t width = 4;
  for (const api::ApiKey& key : keys.all()) width = std::max(width, key.name.size());
  environment.print(
      fmt::format("{:<{}}  {:<12}  {:<10}  {:<10}  ID\n", "NAME", width, "SCOPES", "CREATED", "EXPIRES"));
  const int64_t now = std::time(nullptr);
  for (const api::ApiKey& key : keys.all()) {
    std::string expires = key.expires_unix_seconds ? date(*key.expires_unix_seconds) : "never";
    if (key.expired(now)) expires = "expired";
    environment.print(fmt::format("{:<{}}  {:<12}  {:<10}  {:<10}  {}\n", key.name, width, scopes_of(key),
                                  date(key.created_unix_seconds), expires, key.id));
  }
  return {};
}

Status remove_key(const KeyOptions& options, const Environment& environment) {
  HEARTH_TRY(const std::filesystem::path path, key_file_of(environment));
  HEARTH_TRY(const KeyFileLock lock, KeyFileLock::acquire(path));
  HEARTH_TRY(api::ApiKeys keys, api::read_key_file(path));
  HEARTH_CHECK_OK(keys.remove(options.name));
  return write_file_atomically(path, keys.to_text());
}

}  // namespace

void add_key(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand("key", "Make, list and remove the keys of a server");
  command->require_subcommand(1);

  CLI::App* add =
      command->add_subcommand("add", "Make a key and print it; a running server knows it at once");
  add->add_option("NAME", options->name, "Whose it is: letters, digits, dots, dashes, underscores")
      ->required();
  add->add_option("--scope", options->scopes,
                  "chat (to use models, the default), manage (to load and remove them)")
      ->delimiter(',')
      ->allow_extra_args(false);
  add->add_option("--days", options->days, "Days until it expires; without, never")
      ->check(CLI::Range(1, 36'500));
  add->callback([&line, options] {
    line.action = [options](Environment& environment) { return make_key(*options, environment); };
  });

  CLI::App* list = command->add_subcommand("list", "List the keys there are, without their secrets");
  list->callback([&line] { line.action = [](Environment& environment) { return list_keys(environment); }; });

  CLI::App* remove = command->add_subcommand("remove", "Remove a key; it opens nothing from now on");
  remove->add_option("NAME", options->name, "The key's name")->required();
  remove->callback([&line, options] {
    line.action = [options](Environment& environment) { return remove_key(*options, environment); };
  });
}

}  // namespace hearth::app
