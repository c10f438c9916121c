// JSON of checkpoints: read under limits, and taken apart with errors that name the key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::convert {

using Json = nlohmann::json;

// kCorrupt for what is not JSON.
Result<Json> parse_json(std::string_view text);
// kCorrupt also for a file above the limit. Errors name the file.
Result<Json> read_json(const std::filesystem::path& path, uint64_t max_bytes);

// Members of an object; nullptr for one that is absent or null.
const Json* find_member(const Json& object, std::string_view key);
// nullopt where it is absent; kCorrupt for another kind of value or one out of range.
Result<std::optional<uint64_t>> get_uint(const Json& object, std::string_view key, uint64_t most);
Result<std::optional<double>> get_number(const Json& object, std::string_view key);
Result<std::optional<bool>> get_bool(const Json& object, std::string_view key);
Result<std::optional<std::string>> get_string(const Json& object, std::string_view key);
// The same for members that must be there.
Result<uint64_t> need_uint(const Json& object, std::string_view key, uint64_t most);

}  // namespace hearth::convert
