// What can be set for the whole program: defaults, then hearth.toml, then the environment, then flags. The
// only code that knows environment variables and configuration files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/access/key_policy.h"
#include "base/result.h"
#include "kernels/dtype.h"
#include "serving/model_aliases.h"
#include "store/model_store.h"

namespace hearth::app {

enum class LogFormat { kText, kJson };

struct Settings {
  std::string host = "127.0.0.1";  // address to listen on
  uint16_t port = 11434;           // 0 = any free one
  int threads = 0;                 // compute threads; 0 = the processors this process may use
  int64_t context = 0;             // tokens a request may use; 0 = min(the model's own, 8192)
  kernels::DType kv_type = kernels::DType::kF16;
  double memory_gib = 0;                // for all models; 0 = what the machine has
  uint64_t memory_bytes() const { return static_cast<uint64_t>(memory_gib * (1 << 30)); }
  bool speculation = true;              // draft tokens where the text repeats itself
  std::filesystem::path prefix_folder;  // where prefixes outlive a restart; empty: in data_dir
  uint64_t prefix_disk_gib = 4;         // of it at most; 0 = nothing is kept on disk
  std::string kernels;                  // instruction set by name; empty = the best
  // How long a model that a request brought into memory stays after its last request; serving::kKeepForever.
  serving::KeepAlive keep_alive = std::chrono::minutes(5);
  std::vector<std::string>
      models;  // loaded by serve at its start: paths (is_model_path) or names of the store
  std::filesystem::path store_folder;                // the store; empty: in data_dir
  std::vector<std::filesystem::path> model_folders;  // further folders with GGUF files
  bool foreign_models = true;                        // those of Ollama, LM Studio and Hugging Face too
  std::vector<std::string> registries;               // hosts to pull from; empty: any of the internet
  std::filesystem::path registry_ca_file;            // PEM: authorities of theirs beside the system's
  std::vector<store::ModelSource> model_sources;     // what the two above come to
  std::vector<std::string>
      allowed_origins;  // origins of foreign web pages that may call; '*' stands for any text
  std::vector<std::string> allowed_hosts;    // names this machine is called by, beside localhost
  std::vector<std::string> trusted_proxies;  // addresses and networks whose X-Forwarded-For is believed
  api::KeyPolicy require_keys = api::KeyPolicy::kWhereExposed;
  std::filesystem::path tls_cert;  // PEM files; both or neither. Empty: plain HTTP
  std::filesystem::path tls_key;
  int64_t max_body_bytes = int64_t{64} << 20;  // of a request, inflated
  int requests_per_minute = 0;                 // of one key, or of one address without a key; 0 = no limit
  int concurrent_requests = 0;                 // likewise
  std::vector<serving::ModelAlias> aliases;    // further names of models
  bool default_prompt_rules = true;  // leave out what known programs put in front (serving/prompt_rules.h)
  std::vector<std::string> drop_prompt_lines;  // patterns of lines of system prompts: those to leave out
  std::vector<std::string> move_prompt_lines;  // and those to put at the end
  std::string log_level = "info";
  LogFormat log_format = LogFormat::kText;

  std::filesystem::path config_file;  // where settings are looked for; need not exist
  std::filesystem::path data_dir;     // history, saved chats, keys

  std::filesystem::path key_file() const { return data_dir / "keys.json"; }
};

// The value of an environment variable, if it is set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
EnvironmentLookup process_environment();

// Values of flags by the setting's key ("kv_type"), as they were written.
using SettingFlags = std::map<std::string, std::vector<std::string>>;

// Whether it names a file rather than a model of the store: "/models/a.gguf", "./a", "~/a".
bool is_model_path(std::string_view model);

// kInvalidArgument names the key and where it was written (file and line, variable or flag); kIo.
Result<Settings> load_settings(const EnvironmentLookup& environment, const SettingFlags& flags = {});

}  // namespace hearth::app
