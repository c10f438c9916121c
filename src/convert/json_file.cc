#include "convert/json_file.h"

#include <cmath>

#include "base/mapped_file.h"

namespace hearth::convert {
namespace {

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr int kMaxDepth = 64;

}  // namespace

Result<Json> parse_json(std::string_view text) {
  bool too_deep = false;
  const auto limit_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  try {
    Json json = Json::parse(text, limit_depth, false);
    if (too_deep) return fail(kCorrupt, "JSON of more than {} levels", kMaxDepth);
    if (json.is_discarded()) return fail(kCorrupt, "not valid JSON");
    return json;
  } catch (const Json::exception&) {  // a number out of range
    return fail(kCorrupt, "not valid JSON");
  }
}

Result<Json> read_json(const std::filesystem::path& path, uint64_t max_bytes) {
  HEARTH_TRY(const MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  if (bytes.size() > max_bytes) {
    return fail(kCorrupt, "{}: {} bytes are more than such a file has", path.string(), bytes.size());
  }
  auto json = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!json) return propagate(std::move(json).error(), path.string());
  return json;
}

const Json* find_member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::optional<uint64_t>> get_uint(const Json& object, std::string_view key, uint64_t most) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > most) {
    return fail(kCorrupt, "{} is not a whole number up to {}", key, most);
  }
  return value->get<uint64_t>();
}

Result<std::optional<double>> get_number(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    return fail(kCorrupt, "{} is not a number", key);
  }
  return value->get<double>();
}

Result<std::optional<bool>> get_bool(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) return fail(kCorrupt, "{} is neither true nor false", key);
  return value->get<bool>();
}

Result<std::optional<std::string>> get_string(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return fail(kCorrupt, "{} is not a string", key);
  return value->get<std::string>();
}

Result<uint64_t> need_uint(const Json& object, std::string_view key, uint64_t most) {
  HEARTH_TRY(const auto value, get_uint(object, key, most));
  if (!value || *value == 0) return fail(kCorrupt, "{} is missing", key);
  return *value;
}

}  // namespace hearth::convert
