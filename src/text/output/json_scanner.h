// Follows one JSON value (RFC 8259) byte by byte and says at once when it can be none. The one liberty:
// control characters inside strings pass, since models write line breaks there; append_json_byte() spells
// them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

class JsonScanner {
 public:
  static constexpr size_t kMaxDepth = 64;  // what the API accepts when the call comes back

  // False: no value goes on this way. Bytes after that, or after the value's end, are false too, white space
  // excepted.
  bool push(char c);

  // The value is complete. A number at the top level is so at finish() only.
  bool done() const { return state_ == State::kDone; }
  bool finish();
  size_t depth() const { return is_object_.size(); }  // open lists and objects
  bool in_string() const;
  // The next byte that is no white space begins a value; begins a key (or ends the object).
  bool expects_value() const { return state_ == State::kValue || state_ == State::kFirstItem; }
  bool expects_key() const { return state_ == State::kFirstKey || state_ == State::kKey; }

 private:
  enum class State : uint8_t {
    kValue,
    kFirstItem,  // or ]
    kFirstKey,   // or }
    kKey,
    kColon,
    kAfterValue,
    kString,
    kEscape,
    kHex,
    kLiteral,
    kMinus,
    kZero,
    kInteger,
    kDot,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kDone,
  };

  bool begin_value(char c);
  bool in_number(char c, bool& consumed);
  bool close(bool object);
  void end_value() { state_ = is_object_.empty() ? State::kDone : State::kAfterValue; }

  State state_ = State::kValue;
  std::vector<bool> is_object_;
  bool is_key_ = false;  // the string is one
  int hex_left_ = 0;
  std::string_view literal_;  // what must follow of true, false, null
};

inline bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Whether `text` is a number, true, false or null.
bool is_json_scalar(std::string_view text);

// One byte of a JSON value; control characters inside a string become escapes.
void append_json_byte(char c, bool in_string, std::string& out);
// Text as the inside of a JSON string.
void append_json_text(std::string_view text, std::string& out);

}  // namespace hearth::text
