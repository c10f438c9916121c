// {"name": "f", "arguments": {…}}: the notation of Hermes and Qwen (in tags) and of Llama 3.1 ("parameters").
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "text/output/call_reader.h"
#include "text/output/json_scanner.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kKnownKeys = {"name", "arguments", "parameters", "type", "id"};

bool names_arguments(std::string_view key) {
  return key == "arguments" || key == "parameters";
}

Json parse(std::string_view text) {
  JsonScanner scanner;
  std::string clean;
  for (const char c : text) {
    append_json_byte(c, scanner.in_string(), clean);
    if (!scanner.push(c)) return Json(Json::value_t::discarded);
  }
  return Json::parse(clean, nullptr, false);
}

class JsonCall : public CallReader {
 public:
  JsonCall(std::span<const std::string> names, std::string raw, bool tagged)
      : CallReader(names, std::move(raw)), tagged_(tagged) {}

  bool in_string() const override { return wrapper_.in_string(); }

 protected:
  bool step(char c) override {
    if (wrapper_.done()) return is_json_space(c);
    const size_t depth = wrapper_.depth();
    const bool in_string = wrapper_.in_string();
    const bool key_begins = depth == 1 && wrapper_.expects_key() && c == '"';
    const bool value_begins = depth == 1 && wrapper_.expects_value() && !is_json_space(c);
    if (depth == 0 && c != '{' && !is_json_space(c)) return false;
    if (!wrapper_.push(c)) return false;
    if (!begun()) text_ += c;

    if (key_begins) {
      key_.clear();
      token_ = Token::kKey;
    } else if (token_ == Token::kKey) {
      if (wrapper_.in_string()) {
        key_ += c;
      } else {
        token_ = Token::kOther;
        if (!begun() && !key_is_known()) return false;
      }
    } else if (value_begins && !begun()) {
      if (!begin_value(c)) return false;
    } else if (token_ == Token::kName && !wrapper_.in_string()) {
      token_ = Token::kOther;
      if (!end_name()) return false;
    }
    if (token_ == Token::kArguments) {
      append_json_byte(c, in_string, arguments_);
      if (wrapper_.depth() == 1) {
        token_ = Token::kOther;
        end_arguments();
      }
    }
    if (!wrapper_.done()) return true;
    if (!begun() && !take_whole()) return false;
    if (!tagged_) end_call();
    return true;
  }

  // A missing closing brace behind whole arguments is forgiven.
  bool step(Marker marker) override {
    if (marker != Marker::kCallEnd || !complete()) return false;
    end_call();
    return true;
  }

 private:
  enum class Token : uint8_t { kOther, kKey, kName, kArguments };

  bool key_is_known() const {
    return std::find(kKnownKeys.begin(), kKnownKeys.end(), key_) != kKnownKeys.end();
  }

  bool begin_value(char c) {
    if (key_ == "name") {
      token_ = Token::kName;
      name_at_ = text_.size() - 1;
      return c == '"' && name_text_.empty();
    }
    if (!names_arguments(key_)) return true;
    if (c == '{' && !name_text_.empty()) {
      begin(name_text_);
      token_ = Token::kArguments;
      return true;
    }
    return c == '{' || c == '"' || c == 'n';  // taken at the end, when the name is known
  }

  bool end_name() {
    const Json name = parse(std::string_view(text_).substr(name_at_));
    if (!name.is_string()) return false;
    name_text_ = name.get<std::string>();
    return !name_text_.empty() && offers(name_text_);
  }

  // Arguments that came before the name, or as a string that holds JSON, or not at all.
  bool take_whole() {
    const Json call = parse(text_);
    if (!call.is_object() || name_text_.empty()) return false;
    Json arguments = tagged_ ? Json::object() : Json();
    for (const auto& [key, value] : call.items()) {
      if (names_arguments(key) && !value.is_null()) arguments = value;
    }
    if (arguments.is_string()) arguments = parse(arguments.get_ref<const std::string&>());
    if (!arguments.is_object()) return false;
    begin(name_text_);
    arguments_ = arguments.dump();
    end_arguments();
    return true;
  }

  const bool tagged_;
  JsonScanner wrapper_;
  std::string text_;  // until the call has begun
  std::string key_;   // raw: the keys that matter need no escapes
  std::string name_text_;
  size_t name_at_ = 0;
  Token token_ = Token::kOther;
};

}  // namespace

std::unique_ptr<CallReader> make_json_call_reader(std::span<const std::string> names, std::string raw,
                                                  bool tagged) {
  return std::make_unique<JsonCall>(names, std::move(raw), tagged);
}

}  // namespace hearth::text
