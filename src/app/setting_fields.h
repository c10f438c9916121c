// The table of settings: each key with its kind and the check that lets a value in.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"

namespace hearth::app {

enum class SettingKind {
  kText,
  kNumber,
  kList,
  kMap,  // each value is "key=text"
};

struct SettingField {
  std::string_view key;
  SettingKind kind;
  // Takes the values as text (one, or any number for a list). kInvalidArgument says what the value must be.
  Status (*assign)(Settings& settings, const std::vector<std::string>& values);
  char list_separator = ',';  // in an environment variable
};

std::span<const SettingField> setting_fields();
const SettingField* find_setting(std::string_view key);

// OLLAMA_HOST: "[scheme://]host[:port]".
Status assign_ollama_host(Settings& settings, std::string_view value);

}  // namespace hearth::app
