// Gemma 4: call:NAME{key:value,…}, with bare keys, strings between quote tokens, numbers, true, false, null,
// mappings and lists. What stands bare and is no JSON scalar is a string; JSON's own strings are understood
// too.
#include "text/output/call_reader.h"
#include "text/output/json_scanner.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr std::string_view kPrefix = "call:";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

class GemmaCall : public CallReader {
 public:
  using CallReader::CallReader;

  bool in_string() const override { return part_ == Part::kQuoted || part_ == Part::kJsonString; }

 protected:
  bool step(char c) override {
    switch (part_) {
      case Part::kHead:
        return head_byte(c);
      case Part::kKey:
        return key_byte(c);
      case Part::kColon:
        if (is_json_space(c)) return true;
        if (c != ':') return false;
        part_ = Part::kValue;
        arguments_ += c;
        return true;
      case Part::kValue:
        return value_byte(c);
      case Part::kAfter:
        return is_json_space(c) || after_byte(c);
      case Part::kQuoted:
        append_json_text(std::string_view(&c, 1), arguments_);
        return true;
      case Part::kJsonString:
        return json_byte(c);
      case Part::kTail:
        return is_json_space(c);
    }
    return false;
  }

  bool step(Marker marker) override {
    if (marker == Marker::kCallEnd && part_ == Part::kTail) {
      end_call();
      return true;
    }
    if (marker != Marker::kQuote) return false;
    if (part_ == Part::kQuoted) {
      arguments_ += '"';
      end_string();
      return true;
    }
    const bool key = part_ == Part::kKey;
    if ((!key && part_ != Part::kValue) || !trimmed(held_).empty()) return false;
    begin_string(key, Part::kQuoted);
    return true;
  }

 private:
  enum class Part : uint8_t { kHead, kKey, kColon, kValue, kAfter, kQuoted, kJsonString, kTail };

  bool head_byte(char c) {
    if (c != '{') {
      held_ += c;
      if (held_.size() <= kPrefix.size()) return kPrefix.starts_with(held_);
      return c != '\n' && held_.size() <= kPrefix.size() + kMaxNameBytes;
    }
    if (!held_.starts_with(kPrefix)) return false;
    const std::string name(trimmed(std::string_view(held_).substr(kPrefix.size())));
    if (!offers(name)) return false;
    begin(name);
    held_.clear();
    open('{');
    return true;
  }

  void open(char bracket) {
    nesting_ += bracket;
    arguments_ += bracket;
    first_ = true;
    part_ = bracket == '{' ? Part::kKey : Part::kValue;
  }

  bool close(char bracket) {
    if (nesting_.back() != (bracket == '}' ? '{' : '[')) return false;
    nesting_.pop_back();
    arguments_ += bracket;
    part_ = Part::kAfter;
    if (!nesting_.empty()) return true;
    part_ = Part::kTail;
    end_arguments();
    return true;
  }

  void begin_string(bool key, Part part) {
    arguments_ += '"';
    is_key_ = key;
    held_.clear();
    part_ = part;
    json_ = JsonScanner();
    json_.push('"');
  }

  void end_string() { part_ = is_key_ ? Part::kColon : Part::kAfter; }

  bool json_byte(char c) {
    if (!json_.push(c)) return false;
    append_json_byte(c, true, arguments_);
    if (json_.done()) end_string();
    return true;
  }

  bool key_byte(char c) {
    const std::string_view key = trimmed(held_);
    if (c == '}') return first_ && key.empty() && close(c);
    if (c == '"' && key.empty()) {
      begin_string(true, Part::kJsonString);
      return true;
    }
    if (std::string_view("{[],\"\n").find(c) != std::string_view::npos) return false;
    if (c != ':') {
      held_ += c;
      return true;
    }
    if (key.empty()) return false;
    arguments_ += '"';
    append_json_text(key, arguments_);
    arguments_ += "\":";
    held_.clear();
    part_ = Part::kValue;
    return true;
  }

  bool value_byte(char c) {
    const std::string_view bare = trimmed(held_);
    if (bare.empty()) {
      if (c == '"') {
        begin_string(false, Part::kJsonString);
        return true;
      }
      if (c == '{' || c == '[') {
        if (nesting_.size() == JsonScanner::kMaxDepth) return false;
        held_.clear();
        open(c);
        return true;
      }
      if (c == ']') return nesting_.back() == '[' && first_ && close(c);
      if (c == ',' || c == '}') return false;
    }
    if (c != ',' && c != '}' && c != ']') {
      held_ += c;
      return true;
    }
    if (bare == "None") {
      arguments_ += "null";  // how the template itself prints it
    } else if (is_json_scalar(bare)) {
      arguments_ += bare;
    } else {
      arguments_ += '"';
      append_json_text(bare, arguments_);
      arguments_ += '"';
    }
    held_.clear();
    return after_byte(c);
  }

  bool after_byte(char c) {
    if (c == '}' || c == ']') return close(c);
    if (c != ',') return false;
    arguments_ += c;
    part_ = nesting_.back() == '{' ? Part::kKey : Part::kValue;
    first_ = false;
    return true;
  }

  std::string nesting_;  // open brackets
  bool first_ = true;    // nothing stands in the innermost one yet
  bool is_key_ = false;
  JsonScanner json_;  // of a string in JSON's own notation
  Part part_ = Part::kHead;
};

}  // namespace

std::unique_ptr<CallReader> make_gemma_call_reader(std::span<const std::string> names, std::string raw) {
  return std::make_unique<GemmaCall>(names, std::move(raw));
}

}  // namespace hearth::text
