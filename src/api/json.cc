#include "api/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

namespace hearth::api {
namespace {

// Builds the document without recursion. Members go to the end of the ordered map's vector directly: its own
// insertion searches all keys, which is quadratic for an object of many.
class DocumentBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit DocumentBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return reject("binary values are not JSON"); }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    Level& level = levels_.back();
    if (!is_new_key(level, value))
      return reject(fmt::format("the key \"{}\" appears twice", shortened(value)));
    level.key = std::move(value);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // The library's text ends with the last token read, which may be a megabyte of somebody's words.
    std::string_view what = error.what();
    what = what.substr(0, what.find("; last read"));
    if (size_t colon = what.find(": "); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    return reject(
        fmt::format("{} (near byte {})", error.id == 406 ? "a number is out of range" : what, position));
  }

  const std::string& problem() const { return problem_; }
  Json take() { return std::move(root_); }

 private:
  static constexpr size_t kLinearSearch = 16;

  struct Level {
    Json* container;
    std::string key;
    std::unordered_set<std::string> keys;  // filled when the object has more than kLinearSearch members
  };

  static std::string shortened(const std::string& s) {
    return s.size() <= 64 ? s : "(a key of " + std::to_string(s.size()) + " bytes)";
  }

  bool reject(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool is_new_key(Level& level, const std::string& key) {
    const auto& members = level.container->get_ref<const Json::object_t&>();
    if (members.size() < kLinearSearch) {
      return std::none_of(members.begin(), members.end(), [&](const auto& m) { return m.first == key; });
    }
    if (level.keys.empty()) {
      for (const auto& member : members) level.keys.insert(member.first);
    }
    return level.keys.insert(key).second;
  }

  Json* place(Json value) {
    if (++n_values_ > limits_.max_values) {
      reject(fmt::format("more than {} values", limits_.max_values));
      return nullptr;
    }
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.container->is_array()) {
      auto& items = level.container->get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    using Member = std::pair<const std::string, Json>;
    std::vector<Member>& members = level.container->get_ref<Json::object_t&>();
    members.emplace_back(std::move(level.key), std::move(value));
    return &members.back().second;
  }

  template <typename T>
  bool add(T&& value) {
    return place(Json(std::forward<T>(value))) != nullptr;
  }

  bool open(Json container) {
    if (levels_.size() >= static_cast<size_t>(limits_.max_depth)) {
      return reject(fmt::format("nested deeper than {} levels", limits_.max_depth));
    }
    Json* placed = place(std::move(container));
    if (placed == nullptr) return false;
    // A parent's vector does not grow while a child is open, so the pointer stays valid.
    levels_.push_back(Level{placed, {}, {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  JsonLimits limits_;
  Json root_;
  std::vector<Level> levels_;
  size_t n_values_ = 0;
  std::string problem_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  DocumentBuilder builder(limits);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return fail(ErrorCategory::kInvalidArgument, "not valid JSON: {}", builder.problem());
  }
  return builder.take();
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

text::Value to_untrusted_value(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return text::Value(json.get<bool>());
    case Json::value_t::number_integer:
      return text::Value(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return text::Value(static_cast<double>(number));
      }
      return text::Value(static_cast<int64_t>(number));
    }
    case Json::value_t::number_float:
      return text::Value(json.get<double>());
    case Json::value_t::string:
      return text::Value::untrusted(json.get<std::string>());
    case Json::value_t::array: {
      text::ValueList items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(to_untrusted_value(item));
      return text::Value::list(std::move(items));
    }
    case Json::value_t::object: {
      text::ValueMap members;
      members.reserve(json.size());
      for (const auto& [key, value] : json.items()) members.emplace_back(key, to_untrusted_value(value));
      return text::Value::map(std::move(members));
    }
    default:
      return {};
  }
}

Json to_json(const text::Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_integer()) return value.as_integer();
  if (value.is_float()) return std::isfinite(value.as_float()) ? Json(value.as_float()) : Json(nullptr);
  if (value.is_string()) return value.as_string().text;
  if (value.is_list()) {
    Json items = Json::array();
    for (const text::Value& item : value.as_list()) items.push_back(to_json(item));
    return items;
  }
  if (value.is_map()) {
    Json members = Json::object();
    for (const auto& [key, item] : value.as_map()) members[key] = to_json(item);
    return members;
  }
  return nullptr;
}

}  // namespace hearth::api
