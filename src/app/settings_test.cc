#include "app/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace hearth::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-settings-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    home_ = name;
    variables_["HEARTH_HOME"] = home_.string();
  }
  void TearDown() override { fs::remove_all(home_); }

  void write_config(const std::string& text) const { std::ofstream(home_ / "hearth.toml") << text; }

  Result<Settings> load(const SettingFlags& flags = {}) const {
    const auto lookup = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    };
    return load_settings(lookup, flags);
  }

  std::string problem(const SettingFlags& flags = {}) const {
    const auto settings = load(flags);
    if (settings) return "no error";
    EXPECT_EQ(settings.error().category, ErrorCategory::kInvalidArgument);
    return settings.error().message;
  }

  fs::path home_;
  std::map<std::string, std::string> variables_;
};

TEST_F(SettingsTest, HasDefaultsWithoutAFile) {
  const auto settings = load();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->host, "127.0.0.1");
  EXPECT_EQ(settings->port, 11434);
  EXPECT_EQ(settings->kv_type, kernels::DType::kF16);
  EXPECT_TRUE(settings->speculation);
  EXPECT_EQ(settings->prefix_disk_gib, 4u);
  EXPECT_EQ(settings->prefix_folder, home_ / "cache" / "prefixes");
  EXPECT_EQ(settings->data_dir, home_);
}

TEST_F(SettingsTest, KeepAliveIsATimeInAnyOfItsSpellings) {
  const auto kept = [&](const std::string& text) {
    const auto settings = load({{"keep_alive", {text}}});
    EXPECT_TRUE(settings) << text;
    return settings ? settings->keep_alive : serving::KeepAlive(-1);
  };
  EXPECT_EQ(load()->keep_alive, std::chrono::minutes(5));
  EXPECT_EQ(kept("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(kept("20"), std::chrono::seconds(20));
  EXPECT_EQ(kept("0"), serving::KeepAlive(0));
  EXPECT_EQ(kept("-1"), serving::kKeepForever);
  EXPECT_EQ(kept("-5m"), serving::kKeepForever);
  EXPECT_THAT(problem({{"keep_alive", {"soon"}}}), HasSubstr("--keep-alive is \"soon\", must be a time"));

  variables_["OLLAMA_KEEP_ALIVE"] = "2m";
  EXPECT_EQ(load()->keep_alive, std::chrono::minutes(2));
  variables_["HEARTH_KEEP_ALIVE"] = "3m";
  EXPECT_EQ(load()->keep_alive, std::chrono::minutes(3));
  variables_["OLLAMA_KEEP_ALIVE"] = "x";
  EXPECT_THAT(problem(), HasSubstr("OLLAMA_KEEP_ALIVE is \"x\""));
}

TEST_F(SettingsTest, FlagsOverrideTheEnvironmentOverridesTheFile) {
  write_config("port = 1000\nthreads = 3\ncontext = 100\n");
  variables_["HEARTH_PORT"] = "2000";
  variables_["HEARTH_THREADS"] = "4";
  const auto settings = load({{"port", {"3000"}}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->port, 3000);
  EXPECT_EQ(settings->threads, 4);
  EXPECT_EQ(settings->context, 100);
}

TEST_F(SettingsTest, FindsTheModelsOfOtherPrograms) {
  variables_["HOME"] = "/home/someone";
  const auto folders = [&] {
    std::vector<std::string> folders;
    const auto settings = load();
    for (const auto& source : settings->model_sources) folders.push_back(source.path.string());
    return folders;
  };
  EXPECT_THAT(folders(),
              ::testing::IsSupersetOf({"/home/someone/.ollama/models", "/home/someone/.lmstudio/models",
                                       "/home/someone/.cache/huggingface/hub"}));
  variables_["OLLAMA_MODELS"] = "/big/ollama";
  variables_["HF_HOME"] = "/big/hf";
  EXPECT_THAT(folders(), ::testing::IsSupersetOf({"/big/ollama", "/big/hf/hub"}));
  // As the own store it is no further one.
  variables_["HEARTH_STORE_FOLDER"] = "/big/ollama";
  EXPECT_THAT(folders(), ::testing::Not(::testing::Contains("/big/ollama")));
  EXPECT_EQ(load()->store_folder, "/big/ollama");
  variables_["HEARTH_FOREIGN_MODELS"] = "off";
  EXPECT_THAT(folders(), ::testing::IsEmpty());
}

TEST_F(SettingsTest, ReadsEveryKey) {
  write_config(R"(host = "::1"
port = 0
threads = 2
context = 4096
kv_type = "q8_0"
speculation = "off"
prefix_disk_gib = 0
prefix_folder = "kept"
kernels = "avx2"
models = ["a.gguf", "/models/b.gguf", "~/c.gguf", "llama3:8b"]
store_folder = "store"
model_folders = ["~/gguf"]
foreign_models = "off"
allowed_origins = ["https://app.example"]
allowed_hosts = ["box.lan"]
trusted_proxies = ["10.0.0.7", "fd00::/8"]
require_keys = "always"
tls_cert = "tls/box.crt"
tls_key = "/etc/box.key"
max_body_bytes = 2048
requests_per_minute = 60
concurrent_requests = 4
log_format = "json"
log_level = "debug"
default_prompt_rules = "off"
drop_prompt_lines = ['^bill: \d+']
move_prompt_lines = ["^date", "^time"]

[aliases]
"claude-*" = "a"
gpt = "b=c"
)");
  variables_["HOME"] = "/home/someone";
  const auto settings = load();
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->host, "::1");
  EXPECT_EQ(settings->port, 0);
  EXPECT_EQ(settings->kv_type, kernels::DType::kQ8_0);
  EXPECT_FALSE(settings->speculation);
  EXPECT_EQ(settings->prefix_disk_gib, 0u);
  EXPECT_EQ(settings->prefix_folder, home_ / "kept");
  EXPECT_EQ(settings->kernels, "avx2");
  EXPECT_THAT(settings->models, ::testing::ElementsAre(home_ / "a.gguf", "/models/b.gguf",
                                                       "/home/someone/c.gguf", "llama3:8b"));
  EXPECT_EQ(settings->store_folder, home_ / "store");
  ASSERT_EQ(settings->model_sources.size(), 1u);
  EXPECT_EQ(settings->model_sources[0].path, "/home/someone/gguf");
  EXPECT_THAT(settings->allowed_origins, ::testing::ElementsAre("https://app.example"));
  EXPECT_THAT(settings->allowed_hosts, ::testing::ElementsAre("box.lan"));
  EXPECT_THAT(settings->trusted_proxies, ::testing::ElementsAre("10.0.0.7", "fd00::/8"));
  EXPECT_EQ(settings->require_keys, api::KeyPolicy::kAlways);
  EXPECT_EQ(settings->tls_cert, home_ / "tls/box.crt");
  EXPECT_EQ(settings->tls_key, "/etc/box.key");
  EXPECT_EQ(settings->max_body_bytes, 2048);
  EXPECT_EQ(settings->requests_per_minute, 60);
  EXPECT_EQ(settings->concurrent_requests, 4);
  EXPECT_EQ(settings->log_format, LogFormat::kJson);
  EXPECT_EQ(settings->log_level, "debug");
  EXPECT_EQ(settings->key_file(), home_ / "keys.json");
  EXPECT_FALSE(settings->default_prompt_rules);
  EXPECT_THAT(settings->drop_prompt_lines, ::testing::ElementsAre("^bill: \\d+"));
  EXPECT_THAT(settings->move_prompt_lines, ::testing::ElementsAre("^date", "^time"));
  ASSERT_EQ(settings->aliases.size(), 2u);
  EXPECT_EQ(settings->aliases[0].pattern, "claude-*");
  EXPECT_EQ(settings->aliases[0].model, "a");
  EXPECT_EQ(settings->aliases[1].model, "b=c");
}

TEST_F(SettingsTest, SplitsListsOfTheEnvironment) {
  variables_["HEARTH_MODELS"] = "a.gguf,b.gguf";
  variables_["HEARTH_ALLOWED_HOSTS"] = "one,two";
  variables_["HEARTH_ALIASES"] = "gpt-*=a,x=b";
  variables_["HEARTH_DROP_PROMPT_LINES"] = "^a{1,2}\n^b";
  const auto settings = load();
  ASSERT_TRUE(settings);
  EXPECT_THAT(settings->models, ::testing::ElementsAre("a.gguf", "b.gguf"));
  EXPECT_THAT(settings->allowed_hosts, ::testing::ElementsAre("one", "two"));
  ASSERT_EQ(settings->aliases.size(), 2u);
  EXPECT_EQ(settings->aliases[1].pattern, "x");
  EXPECT_THAT(settings->drop_prompt_lines, ::testing::ElementsAre("^a{1,2}", "^b"));
}

TEST_F(SettingsTest, OriginsOfOllamaAreAFallBack) {
  variables_["OLLAMA_ORIGINS"] = "https://*.example.com,moz-extension://*";
  EXPECT_THAT(load()->allowed_origins, ::testing::ElementsAre("https://*.example.com", "moz-extension://*"));
  variables_["HEARTH_ALLOWED_ORIGINS"] = "https://own.example";
  EXPECT_THAT(load()->allowed_origins, ::testing::ElementsAre("https://own.example"));
  variables_["OLLAMA_ORIGINS"] = "example.com";
  EXPECT_THAT(problem(), HasSubstr("OLLAMA_ORIGINS has \"example.com\""));
}

TEST_F(SettingsTest, TlsNeedsBothFiles) {
  EXPECT_EQ(problem({{"tls_cert", {"a"}}}), "tls_cert is set and tls_key is not; TLS needs both");
  EXPECT_EQ(problem({{"tls_key", {"a"}}}), "tls_key is set and tls_cert is not; TLS needs both");
  EXPECT_TRUE(load({{"tls_cert", {"a"}}, {"tls_key", {"b"}}}));
}

TEST_F(SettingsTest, ErrorsSayWhere) {
  const std::string file = (home_ / "hearth.toml").string();
  write_config("host = \"127.0.0.1\"\nport = 70000\n");
  EXPECT_EQ(problem(), file + ":2: port is \"70000\", must be a whole number between 0 and 65535");
  write_config("\n\nport = \"11434\"\n");
  EXPECT_EQ(problem(), file + ":3: port must be a number");
  write_config("prot = 1\n");
  EXPECT_THAT(problem(), HasSubstr(":1: prot is not a setting; there are host, port"));
  write_config("models = [\"a\", 1]\n");
  EXPECT_THAT(problem(), HasSubstr(":1: models must be a list of texts"));
  write_config("\ndrop_prompt_lines = [\"ok\", \"a(b\"]\n");
  EXPECT_THAT(problem(), HasSubstr(":2: drop_prompt_lines has pattern \"a(b\": missing closing parenthesis"));
  write_config("aliases = \"x=y\"\n");
  EXPECT_THAT(problem(), HasSubstr(":1: aliases must be a table of texts"));
  write_config("[aliases]\nx = \"\"\n");
  EXPECT_THAT(problem(), HasSubstr("aliases has \"x=\", must give models to names"));
  write_config("port = 1\nhost = \n");
  EXPECT_THAT(problem(), HasSubstr("hearth.toml:2: "));
  write_config("");
  variables_["HEARTH_KV_TYPE"] = "q4_0";
  EXPECT_EQ(problem(), "HEARTH_KV_TYPE is \"q4_0\", must be one of f16, q8_0, f32");
  variables_.erase("HEARTH_KV_TYPE");
  EXPECT_EQ(problem({{"kv_type", {"x"}}}), "--kv-type is \"x\", must be one of f16, q8_0, f32");
  EXPECT_EQ(problem({{"speculation", {"true"}}}), "--speculation is \"true\", must be on or off");
  EXPECT_EQ(problem({{"require_keys", {"no"}}}),
            "--require-keys is \"no\", must be one of exposed, always, never");
  EXPECT_EQ(problem({{"log_format", {"xml"}}}), "--log-format is \"xml\", must be one of text, json");
  EXPECT_EQ(problem({{"threads", {"-1"}}}), "--threads is \"-1\", must be a whole number between 0 and 1024");
  EXPECT_THAT(problem({{"threads", {"99999999999999999999"}}}), HasSubstr("--threads is"));
  EXPECT_THAT(problem({{"host", {"127.0.0.1:80"}}}), HasSubstr("without a port"));
}

TEST_F(SettingsTest, RefusesAConfigurationThatIsNoFile) {
  fs::create_directory(home_ / "hearth.toml");
  EXPECT_THAT(problem(), HasSubstr("not a regular file"));
}

// Defaults in the place of settings that nobody could look for would open what they close.
TEST_F(SettingsTest, AFolderThatCannotBeReadIsNoEmptyOne) {
  const fs::path loop = home_ / "loop";
  fs::create_symlink("loop", loop);  // not even root can enter it
  variables_["HEARTH_HOME"] = loop.string();
  const auto settings = load();
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().category, ErrorCategory::kIo);
  EXPECT_THAT(settings.error().message, HasSubstr(loop.string() + " cannot be read"));
}

TEST_F(SettingsTest, UnderstandsOllamaHost) {
  const auto address = [&](const std::string& value) {
    variables_["OLLAMA_HOST"] = value;
    const auto settings = load();
    return settings ? fmt::format("{} {}", settings->host, settings->port) : settings.error().message;
  };
  EXPECT_EQ(address("0.0.0.0"), "0.0.0.0 11434");
  EXPECT_EQ(address("10.0.0.1:8080"), "10.0.0.1 8080");
  EXPECT_EQ(address("http://10.0.0.1"), "10.0.0.1 80");
  EXPECT_EQ(address("http://10.0.0.1:8080/"), "10.0.0.1 8080");
  EXPECT_EQ(address("[::1]:8080"), "::1 8080");
  EXPECT_EQ(address("::1"), "::1 11434");
  EXPECT_EQ(address(":8080"), "127.0.0.1 8080");
  EXPECT_THAT(address("host:port"), HasSubstr("OLLAMA_HOST is"));
  variables_["HEARTH_HOST"] = "127.0.0.2";
  EXPECT_EQ(address("10.0.0.1:8080"), "127.0.0.2 8080");
}

TEST_F(SettingsTest, FollowsTheXdgVariables) {
  variables_.erase("HEARTH_HOME");
  variables_["HOME"] = "/home/someone";
  auto settings = load();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->config_file, "/home/someone/.config/hearth/hearth.toml");
  EXPECT_EQ(settings->data_dir, "/home/someone/.local/share/hearth");
  variables_["XDG_CONFIG_HOME"] = "/c";
  variables_["XDG_DATA_HOME"] = "not/absolute";
  settings = load();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->config_file, "/c/hearth/hearth.toml");
  EXPECT_EQ(settings->data_dir, "/home/someone/.local/share/hearth");
}

}  // namespace
}  // namespace hearth::app
