// Llama 3.1 behind <|python_tag|>: a built-in tool as f.call(a="b", c=1), or a call in JSON.
#include <cctype>

#include "text/output/call_reader.h"
#include "text/output/json_scanner.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr std::string_view kCall = ".call";

std::string_view json_literal(std::string_view value) {
  if (value == "True") return "true";
  if (value == "False") return "false";
  return value == "None" ? "null" : value;
}

class PythonCall : public CallReader {
 public:
  using CallReader::CallReader;

  bool in_string() const override { return part_ == Part::kString || part_ == Part::kEscape; }

 protected:
  bool step(char c) override {
    switch (part_) {
      case Part::kName:
        return name_byte(c);
      case Part::kKey:
        return key_byte(c);
      case Part::kValue:
        return value_byte(c);
      case Part::kString:
        if (c == '\\') {
          part_ = Part::kEscape;
        } else if (c == quote_) {
          arguments_ += '"';
          part_ = Part::kAfter;
        } else {
          append_json_text(std::string_view(&c, 1), arguments_);
        }
        return true;
      case Part::kEscape:
        return escaped_byte(c);
      case Part::kAfter:
        return is_json_space(c) || after_byte(c);
    }
    return false;
  }

  bool step(Marker) override { return false; }

 private:
  enum class Part : uint8_t { kName, kKey, kValue, kString, kEscape, kAfter };

  bool name_byte(char c) {
    if (is_json_space(c) && held_.empty()) return true;
    if (c != '(') {
      held_ += c;
      return !is_json_space(c) && held_.size() <= kMaxNameBytes;
    }
    if (!held_.ends_with(kCall)) return false;
    function_ = held_.substr(0, held_.size() - kCall.size());
    held_.clear();
    part_ = Part::kKey;
    return offers(function_);
  }

  bool key_byte(char c) {
    if (c == ')' && held_.empty() && !begun()) {
      begin(function_);
      arguments_ = "{}";
      return finish();
    }
    if (is_json_space(c) && held_.empty()) return true;
    if (c != '=') {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
      held_ += c;
      return true;
    }
    if (held_.empty()) return false;
    if (!begun()) {
      begin(function_);
      arguments_ = '{';
    }
    arguments_ += '"' + held_ + "\":";
    held_.clear();
    part_ = Part::kValue;
    return true;
  }

  bool value_byte(char c) {
    if (is_json_space(c) && held_.empty()) return true;
    if ((c == '"' || c == '\'') && held_.empty()) {
      quote_ = c;
      arguments_ += '"';
      part_ = Part::kString;
      return true;
    }
    if (c != ',' && c != ')') {
      held_ += c;
      return true;
    }
    const std::string_view value = json_literal(held_);
    if (!is_json_scalar(value)) return false;
    arguments_ += value;
    held_.clear();
    return after_byte(c);
  }

  // Escapes that JSON has too pass; a backslash before anything else stands for itself.
  bool escaped_byte(char c) {
    part_ = Part::kString;
    if (c == '\'') {
      arguments_ += c;
    } else if (std::string_view("\"\\bfnrt").find(c) != std::string_view::npos) {
      arguments_ += '\\';
      arguments_ += c;
    } else {
      arguments_ += "\\\\";
      append_json_byte(c, true, arguments_);
    }
    return true;
  }

  bool after_byte(char c) {
    if (c == ')') {
      arguments_ += '}';
      return finish();
    }
    if (c != ',') return false;
    arguments_ += c;
    part_ = Part::kKey;
    return true;
  }

  bool finish() {
    end_arguments();
    end_call();
    return true;
  }

  std::string function_;
  char quote_ = '"';
  Part part_ = Part::kName;
};

// Whichever of the two it is, by the first byte.
class PythonTagCall : public CallReader {
 public:
  PythonTagCall(std::span<const std::string> names, std::string raw)
      : CallReader(names, std::move(raw)), offered_(names) {}

  bool in_string() const override { return inner_ && inner_->in_string(); }

 protected:
  bool step(char c) override {
    if (!inner_) {
      if (is_json_space(c)) return true;
      if (c == '{') {
        inner_ = make_json_call_reader(offered_, {}, false);
      } else {
        inner_ = std::make_unique<PythonCall>(offered_, std::string());
      }
    }
    const bool taken = inner_->read(std::string_view(&c, 1)) == 1;
    if (inner_->begun() && !begun()) begin(inner_->name());
    arguments_ += inner_->take_arguments();
    if (!taken) return false;
    if (inner_->complete()) end_arguments();
    if (inner_->phase() == Phase::kOver) end_call();
    return true;
  }

  bool step(Marker) override { return false; }

  void give_up() override {
    inner_->abandon();
    arguments_ += inner_->take_arguments();
  }

 private:
  std::span<const std::string> offered_;
  std::unique_ptr<CallReader> inner_;
};

}  // namespace

std::unique_ptr<CallReader> make_python_tag_reader(std::span<const std::string> names, std::string raw) {
  return std::make_unique<PythonTagCall>(names, std::move(raw));
}

}  // namespace hearth::text
