#include "app/setting_fields.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "api/access/trusted_proxies.h"
#include "base/duration.h"
#include "text/line_rules.h"

namespace hearth::app {
namespace {

template <typename... Args>
tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kInvalidArgument, format, std::forward<Args>(args)...);
}

Result<int64_t> whole_number(std::string_view text, int64_t low, int64_t high) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    return invalid("is \"{}\", must be a whole number between {} and {}", text, low, high);
  }
  return value;
}

Result<std::string> one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  if (std::find(words.begin(), words.end(), text) != words.end()) return std::string(text);
  return invalid("is \"{}\", must be one of {}", text, fmt::join(words, ", "));
}

Result<bool> on_or_off(std::string_view text) {
  if (text == "on") return true;
  if (text == "off") return false;
  return invalid("is \"{}\", must be on or off", text);
}

Status assign_host(Settings& settings, std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool printable =
      std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c != '/' && c != '\x7f'; });
  if (host.empty() || !printable)
    return invalid("is \"{}\", must be an address such as 127.0.0.1 or ::1", host);
  if (!bracketed && std::count(host.begin(), host.end(), ':') == 1) {
    return invalid("is \"{}\", must be an address without a port (the port is a setting of its own)", host);
  }
  settings.host = std::string(host);
  return {};
}

Status assign_keep_alive(Settings& settings, std::string_view text) {
  std::chrono::milliseconds time{};
  if (const auto seconds = whole_number(text, -1'000'000'000, 1'000'000'000)) {
    time = std::chrono::seconds(*seconds);
  } else if (const auto duration = parse_duration(text)) {
    time = *duration;
  } else {
    return invalid("is \"{}\", must be a time such as 10m or 1h30m, a number of seconds, or -1 for good",
                   text);
  }
  settings.keep_alive = time.count() < 0 ? serving::kKeepForever : time;
  return {};
}

Status assign_file(std::filesystem::path& setting, const std::string& path) {
  if (path.empty()) return invalid("has an empty path");
  setting = path;
  return {};
}

Status assign_count(int& setting, std::string_view text) {
  HEARTH_TRY(const int64_t count, whole_number(text, 0, 1'000'000));
  setting = static_cast<int>(count);
  return {};
}

using Values = std::vector<std::string>;

// Checked here, where it is known which setting they come from.
Status check_patterns(const Values& patterns) {
  std::vector<text::LineRules::Rule> rules;
  for (const std::string& pattern : patterns) rules.push_back({.pattern = pattern});
  auto compiled = text::LineRules::compile(rules);
  if (!compiled) return invalid("has {}", compiled.error().message);
  return {};
}

constexpr SettingField kFields[] = {
    {"host", SettingKind::kText, [](Settings& s, const Values& v) { return assign_host(s, v[0]); }},
    {"port", SettingKind::kNumber,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(const int64_t port, whole_number(v[0], 0, 65535));
       s.port = static_cast<uint16_t>(port);
       return {};
     }},
    {"threads", SettingKind::kNumber,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(const int64_t threads, whole_number(v[0], 0, 1024));
       s.threads = static_cast<int>(threads);
       return {};
     }},
    {"context", SettingKind::kNumber,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(s.context, whole_number(v[0], 0, int64_t{1} << 24));
       return {};
     }},
    {"kv_type", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(const std::string type, one_of(v[0], {"f16", "q8_0", "f32"}));
       s.kv_type = type == "f16"    ? kernels::DType::kF16
                   : type == "q8_0" ? kernels::DType::kQ8_0
                                    : kernels::DType::kF32;
       return {};
     }},
    {"memory_gib", SettingKind::kNumber,
     [](Settings& s, const Values& v) -> Status {
       char* end = nullptr;
       const double gib = std::strtod(v[0].c_str(), &end);
       if (v[0].empty() || *end != '\0' || !(gib >= 0 && gib <= 1 << 20)) {
         return invalid("is \"{}\", must be a number of GiB such as 12 or 7.5; 0 = what the machine has",
                        v[0]);
       }
       s.memory_gib = gib;
       return {};
     }},
    {"speculation", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(s.speculation, on_or_off(v[0]));
       return {};
     }},
    {"prefix_folder", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       if (v[0].empty()) return invalid("is an empty path");
       s.prefix_folder = v[0];
       return {};
     }},
    {"prefix_disk_gib", SettingKind::kNumber,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(const int64_t gib, whole_number(v[0], 0, 1 << 20));
       s.prefix_disk_gib = static_cast<uint64_t>(gib);
       return {};
     }},
    {"kernels", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       s.kernels = v[0];
       return {};
     }},
    {"keep_alive", SettingKind::kText,
     [](Settings& s, const Values& v) { return assign_keep_alive(s, v[0]); }},
    {"models", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       if (std::find(v.begin(), v.end(), "") != v.end()) return invalid("has an empty path");
       s.models = v;
       return {};
     }},
    {"store_folder", SettingKind::kText,
     [](Settings& s, const Values& v) { return assign_file(s.store_folder, v[0]); }},
    {"model_folders", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       if (std::find(v.begin(), v.end(), "") != v.end()) return invalid("has an empty path");
       s.model_folders.assign(v.begin(), v.end());
       return {};
     },
     ':'},
    {"registries", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       for (const std::string& host : v) {
         const size_t scheme = host.find("://");
         const std::string name = scheme == std::string::npos ? host : host.substr(scheme + 3);
         if (name.empty() || name.find_first_of("/@ ") != std::string::npos) {
           return invalid("has \"{}\", must be hosts such as hub.example or http://10.0.0.5:5000", host);
         }
       }
       s.registries = v;
       return {};
     }},
    {"registry_ca_file", SettingKind::kText,
     [](Settings& s, const Values& v) { return assign_file(s.registry_ca_file, v[0]); }},
    {"foreign_models", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(s.foreign_models, on_or_off(v[0]));
       return {};
     }},
    {"allowed_origins", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       for (const std::string& origin : v) {
         if (origin != "*" && origin.find("://") == std::string::npos) {
           return invalid("has \"{}\", must be origins such as https://app.example:8443, or *", origin);
         }
       }
       s.allowed_origins = v;
       return {};
     }},
    {"allowed_hosts", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       for (const std::string& host : v) {
         if (host.empty() || host.find_first_of("/: \t") != std::string::npos) {
           return invalid("has \"{}\", must be host names without scheme or port", host);
         }
       }
       s.allowed_hosts = v;
       return {};
     }},
    {"trusted_proxies", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       const auto parsed = api::TrustedProxies::parse(v);
       if (!parsed) return invalid("has {}", parsed.error().message);
       s.trusted_proxies = v;
       return {};
     }},
    {"require_keys", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_CHECK_OK(one_of(v[0], {"exposed", "always", "never"}));
       s.require_keys = v[0] == "exposed"  ? api::KeyPolicy::kWhereExposed
                        : v[0] == "always" ? api::KeyPolicy::kAlways
                                           : api::KeyPolicy::kNever;
       return {};
     }},
    {"tls_cert", SettingKind::kText,
     [](Settings& s, const Values& v) { return assign_file(s.tls_cert, v[0]); }},
    {"tls_key", SettingKind::kText,
     [](Settings& s, const Values& v) { return assign_file(s.tls_key, v[0]); }},
    {"max_body_bytes", SettingKind::kNumber,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(s.max_body_bytes, whole_number(v[0], 1024, int64_t{1} << 30));
       return {};
     }},
    {"requests_per_minute", SettingKind::kNumber,
     [](Settings& s, const Values& v) { return assign_count(s.requests_per_minute, v[0]); }},
    {"concurrent_requests", SettingKind::kNumber,
     [](Settings& s, const Values& v) { return assign_count(s.concurrent_requests, v[0]); }},
    {"log_format", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_CHECK_OK(one_of(v[0], {"text", "json"}));
       s.log_format = v[0] == "json" ? LogFormat::kJson : LogFormat::kText;
       return {};
     }},
    {"aliases", SettingKind::kMap,
     [](Settings& s, const Values& v) -> Status {
       s.aliases.clear();
       for (const std::string& alias : v) {
         const size_t equals = alias.find('=');
         if (equals == 0 || equals == std::string::npos || equals + 1 == alias.size()) {
           return invalid("has \"{}\", must give models to names, such as gpt-4o = \"qwen3\"", alias);
         }
         s.aliases.push_back({.pattern = alias.substr(0, equals), .model = alias.substr(equals + 1)});
       }
       return {};
     }},
    {"default_prompt_rules", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(s.default_prompt_rules, on_or_off(v[0]));
       return {};
     }},
    {"drop_prompt_lines", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_CHECK_OK(check_patterns(v));
       s.drop_prompt_lines = v;
       return {};
     },
     '\n'},
    {"move_prompt_lines", SettingKind::kList,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_CHECK_OK(check_patterns(v));
       s.move_prompt_lines = v;
       return {};
     },
     '\n'},
    {"log_level", SettingKind::kText,
     [](Settings& s, const Values& v) -> Status {
       HEARTH_TRY(s.log_level, one_of(v[0], {"trace", "debug", "info", "warning", "error", "off"}));
       return {};
     }},
};

}  // namespace

std::span<const SettingField> setting_fields() {
  return kFields;
}

const SettingField* find_setting(std::string_view key) {
  const auto* found = std::find_if(std::begin(kFields), std::end(kFields),
                                   [&](const SettingField& field) { return field.key == key; });
  return found == std::end(kFields) ? nullptr : found;
}

Status assign_ollama_host(Settings& settings, std::string_view value) {
  const std::string_view whole = value;
  int64_t port = 11434;
  if (const size_t scheme = value.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = value.substr(0, scheme);
    if (name != "http" && name != "https") return invalid("is \"{}\", must be HOST or HOST:PORT", whole);
    port = name == "https" ? 443 : 80;
    value.remove_prefix(scheme + 3);
  }
  value = value.substr(0, value.find('/'));
  std::string_view host = value;
  const size_t colon = value.rfind(':');
  const bool bare_ipv6 = std::count(value.begin(), value.end(), ':') > 1 && !value.starts_with('[');
  if (colon != std::string_view::npos && !bare_ipv6 && !value.ends_with(']')) {
    host = value.substr(0, colon);
    auto number = whole_number(value.substr(colon + 1), 0, 65535);
    if (!number) return invalid("is \"{}\", must be HOST or HOST:PORT", whole);
    port = *number;
  }
  if (!host.empty()) HEARTH_CHECK_OK(assign_host(settings, host));  // ":8080" keeps the host
  settings.port = static_cast<uint16_t>(port);
  return {};
}

}  // namespace hearth::app
