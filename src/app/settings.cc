#include "app/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "app/setting_fields.h"
#include "gguf/shards.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace hearth::app {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxConfigBytes = 1 << 20;

std::optional<std::string> non_empty(const EnvironmentLookup& environment, const std::string& name) {
  auto value = environment(name);
  return value && !value->empty() ? value : std::nullopt;
}

fs::path home_of_user(const EnvironmentLookup& environment) {
  if (const auto home = non_empty(environment, "HOME")) return *home;
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return found->pw_dir;
  return {};
}

// $XDG_CONFIG_HOME and the like; the specification has relative ones ignored.
fs::path xdg_dir(const EnvironmentLookup& environment, const char* variable, const char* below_home) {
  if (const auto value = non_empty(environment, variable); value && fs::path(*value).is_absolute())
    return *value;
  return home_of_user(environment) / below_home;
}

void find_places(const EnvironmentLookup& environment, Settings& settings) {
  if (const auto home = non_empty(environment, "HEARTH_HOME")) {
    settings.config_file = fs::path(*home) / "hearth.toml";
    settings.data_dir = *home;
    return;
  }
  settings.config_file = xdg_dir(environment, "XDG_CONFIG_HOME", ".config") / "hearth" / "hearth.toml";
  settings.data_dir = xdg_dir(environment, "XDG_DATA_HOME", ".local/share") / "hearth";
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string known_keys() {
  std::string keys;
  for (const SettingField& field : setting_fields()) keys.append(keys.empty() ? "" : ", ").append(field.key);
  return keys;
}

Status apply(Settings& settings, const SettingField& field, const std::vector<std::string>& values,
             const std::string& source) {
  if (auto assigned = field.assign(settings, values); !assigned) {
    return fail(assigned.error().category, "{} {}", source, assigned.error().message);
  }
  return {};
}

// The values of a node as text, or what it must be.
Result<std::vector<std::string>> values_of(const toml::node& node, const SettingField& field) {
  const auto wrong = [](std::string_view must) {
    return fail(ErrorCategory::kInvalidArgument, "must be {}", must);
  };
  switch (field.kind) {
    case SettingKind::kNumber:
      if (const auto* real = node.as_floating_point()) {
        return std::vector<std::string>{fmt::format("{}", **real)};
      }
      if (!node.is_integer()) return wrong("a number");
      return std::vector<std::string>{std::to_string(**node.as_integer())};
    case SettingKind::kText:
      if (!node.is_string()) return wrong("a text in quotes");
      return std::vector<std::string>{**node.as_string()};
    case SettingKind::kMap: {
      const toml::table* table = node.as_table();
      std::vector<std::string> values;
      if (table == nullptr) return wrong("a table of texts, name = \"...\"");
      for (const auto& [key, item] : *table) {
        if (!item.is_string()) return wrong("a table of texts, name = \"...\"");
        values.push_back(std::string(key.str()) + "=" + **item.as_string());
      }
      return values;
    }
    case SettingKind::kList:
      break;
  }
  const toml::array* array = node.as_array();
  std::vector<std::string> values;
  if (array == nullptr) return wrong("a list of texts, [\"...\"]");
  for (const toml::node& item : *array) {
    if (!item.is_string()) return wrong("a list of texts, [\"...\"]");
    values.push_back(**item.as_string());
  }
  return values;
}

Result<std::string> read_config(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return std::string();
  if (error) {
    return fail(ErrorCategory::kIo, "the folder {} cannot be read: {}; the settings are looked for in it",
                path.parent_path().string(), error.message());
  }
  if (!fs::is_regular_file(status)) {
    return fail(ErrorCategory::kInvalidArgument, "{}: the configuration is not a regular file",
                path.string());
  }
  if (fs::file_size(path, error) > kMaxConfigBytes) {
    return fail(ErrorCategory::kInvalidArgument, "{}: a configuration of more than {} bytes", path.string(),
                kMaxConfigBytes);
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream.is_open() || stream.bad()) {
    return fail(ErrorCategory::kIo, "cannot read {}: {}", path.string(), std::strerror(errno));
  }
  return text;
}

Status apply_file(Settings& settings) {
  const std::string name = settings.config_file.string();
  HEARTH_TRY(const std::string text, read_config(settings.config_file));
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    return fail(ErrorCategory::kInvalidArgument, "{}:{}: {}", name, parsed.error().source().begin.line,
                parsed.error().description());
  }
  for (const auto& [toml_key, node] : parsed.table()) {
    const std::string key(toml_key.str());
    const std::string source = fmt::format("{}:{}: {}", name, node.source().begin.line, key);
    const SettingField* field = find_setting(key);
    if (field == nullptr) {
      return fail(ErrorCategory::kInvalidArgument, "{} is not a setting; there are {}", source, known_keys());
    }
    auto values = values_of(node, *field);
    if (!values) return fail(ErrorCategory::kInvalidArgument, "{} {}", source, values.error().message);
    HEARTH_CHECK_OK(apply(settings, *field, *values, source));
  }
  return {};
}

// In the file, "~/" is the user's home and relative paths start at the file.
void resolve_paths(Settings& settings, const EnvironmentLookup& environment) {
  const auto resolve = [&](fs::path& path) {
    if (path.string().starts_with("~/")) {
      path = home_of_user(environment) / path.string().substr(2);
    } else if (path.is_relative() && !path.empty()) {
      path = settings.config_file.parent_path() / path;
    }
  };
  for (std::string& model : settings.models) {
    if (!is_model_path(model)) continue;
    fs::path path = model;
    resolve(path);
    model = path.string();
  }
  for (fs::path& folder : settings.model_folders) resolve(folder);
  resolve(settings.store_folder);
  resolve(settings.registry_ca_file);
  resolve(settings.tls_cert);
  resolve(settings.tls_key);
  resolve(settings.prefix_folder);
}

// The places where other programs keep their models, as those programs find them.
std::vector<store::ModelSource> find_model_sources(const Settings& settings,
                                                   const EnvironmentLookup& environment) {
  using Kind = store::ModelSource::Kind;
  std::vector<store::ModelSource> sources;
  const auto add = [&](Kind kind, const fs::path& path) {
    if (path.lexically_normal() != settings.store_folder.lexically_normal()) sources.push_back({kind, path});
  };
  for (const fs::path& folder : settings.model_folders) add(Kind::kFolder, folder);
  if (!settings.foreign_models) return sources;
  const fs::path home = home_of_user(environment);
  const auto ollama = non_empty(environment, "OLLAMA_MODELS");
  add(Kind::kOllamaStore, ollama ? fs::path(*ollama) : home / ".ollama/models");
  add(Kind::kOllamaStore, "/usr/share/ollama/.ollama/models");  // its service's
  add(Kind::kFolder, home / ".lmstudio/models");
  add(Kind::kFolder, home / ".cache/lm-studio/models");
  if (const auto hub = non_empty(environment, "HF_HUB_CACHE")) {
    add(Kind::kFolder, *hub);
  } else if (const auto hugging_face = non_empty(environment, "HF_HOME")) {
    add(Kind::kFolder, fs::path(*hugging_face) / "hub");
  } else {
    add(Kind::kFolder, xdg_dir(environment, "XDG_CACHE_HOME", ".cache") / "huggingface/hub");
  }
  return sources;
}

Status apply_environment(Settings& settings, const EnvironmentLookup& environment) {
  if (const auto ollama = non_empty(environment, "OLLAMA_HOST")) {
    if (auto assigned = assign_ollama_host(settings, *ollama); !assigned) {
      return fail(assigned.error().category, "OLLAMA_HOST {}", assigned.error().message);
    }
  }
  if (const auto ollama = non_empty(environment, "OLLAMA_KEEP_ALIVE")) {
    HEARTH_CHECK_OK(apply(settings, *find_setting("keep_alive"), {*ollama}, "OLLAMA_KEEP_ALIVE"));
  }
  if (const auto ollama = non_empty(environment, "OLLAMA_ORIGINS")) {
    const SettingField& origins = *find_setting("allowed_origins");
    HEARTH_CHECK_OK(apply(settings, origins, split(*ollama, origins.list_separator), "OLLAMA_ORIGINS"));
  }
  for (const SettingField& field : setting_fields()) {
    std::string name = "HEARTH_";
    for (const char c : field.key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const auto value = non_empty(environment, name);
    if (!value) continue;
    const bool several = field.kind == SettingKind::kList || field.kind == SettingKind::kMap;
    const auto values = several ? split(*value, field.list_separator) : std::vector<std::string>{*value};
    HEARTH_CHECK_OK(apply(settings, field, values, name));
  }
  return {};
}

}  // namespace

EnvironmentLookup process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<Settings> load_settings(const EnvironmentLookup& environment, const SettingFlags& flags) {
  Settings settings;
  find_places(environment, settings);
  HEARTH_CHECK_OK(apply_file(settings));
  resolve_paths(settings, environment);
  HEARTH_CHECK_OK(apply_environment(settings, environment));
  for (const auto& [key, values] : flags) {
    const SettingField* field = find_setting(key);
    if (field == nullptr || values.empty()) continue;
    std::string flag = key == "models" ? "--model" : "--" + key;
    for (char& c : flag) {
      if (c == '_') c = '-';
    }
    HEARTH_CHECK_OK(apply(settings, *field, values, flag));
  }
  if (settings.tls_cert.empty() != settings.tls_key.empty()) {
    return fail(ErrorCategory::kInvalidArgument, "{} is set and {} is not; TLS needs both",
                settings.tls_key.empty() ? "tls_cert" : "tls_key",
                settings.tls_key.empty() ? "tls_key" : "tls_cert");
  }
  if (settings.prefix_folder.empty()) settings.prefix_folder = settings.data_dir / "cache" / "prefixes";
  if (settings.store_folder.empty()) settings.store_folder = settings.data_dir / "models";
  settings.model_sources = find_model_sources(settings, environment);
  return settings;
}

bool is_model_path(std::string_view model) {
  for (const std::string_view beginning : {"/", "./", "../", "~/"}) {
    if (model.starts_with(beginning)) return true;
  }
  return gguf::has_gguf_ending(model);
}

}  // namespace hearth::app
