#include "text/output/json_scanner.h"

#include <fmt/format.h>

#include <iterator>

namespace hearth::text {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

bool JsonScanner::in_string() const {
  return state_ == State::kString || state_ == State::kEscape || state_ == State::kHex;
}

bool JsonScanner::begin_value(char c) {
  switch (c) {
    case '{':
    case '[':
      if (is_object_.size() == kMaxDepth) return false;
      is_object_.push_back(c == '{');
      state_ = c == '{' ? State::kFirstKey : State::kFirstItem;
      return true;
    case '"':
      is_key_ = false;
      state_ = State::kString;
      return true;
    case 't':
      literal_ = "rue";
      break;
    case 'f':
      literal_ = "alse";
      break;
    case 'n':
      literal_ = "ull";
      break;
    case '-':
      state_ = State::kMinus;
      return true;
    case '0':
      state_ = State::kZero;
      return true;
    default:
      state_ = State::kInteger;
      return c >= '1' && c <= '9';
  }
  state_ = State::kLiteral;
  return true;
}

bool JsonScanner::close(bool object) {
  if (is_object_.empty() || is_object_.back() != object) return false;
  is_object_.pop_back();
  end_value();
  return true;
}

// Sets `consumed` where the byte belongs to the number; else the number has ended before it.
bool JsonScanner::in_number(char c, bool& consumed) {
  consumed = true;
  switch (state_) {
    case State::kMinus:
      state_ = c == '0' ? State::kZero : State::kInteger;
      return is_digit(c);
    case State::kDot:
      state_ = State::kFraction;
      return is_digit(c);
    case State::kExponent:
      state_ = is_digit(c) ? State::kExponentDigits : State::kExponentSign;
      return is_digit(c) || c == '+' || c == '-';
    case State::kExponentSign:
      state_ = State::kExponentDigits;
      return is_digit(c);
    default:
      break;
  }
  if (is_digit(c)) return state_ != State::kZero;
  if (c == '.' && (state_ == State::kZero || state_ == State::kInteger)) {
    state_ = State::kDot;
    return true;
  }
  if ((c == 'e' || c == 'E') && state_ != State::kExponentDigits) {
    state_ = State::kExponent;
    return true;
  }
  consumed = false;
  end_value();
  return true;
}

bool JsonScanner::push(char c) {
  if (state_ >= State::kMinus && state_ <= State::kExponentDigits) {
    bool consumed = false;
    if (!in_number(c, consumed)) return false;
    if (consumed) return true;
  }
  switch (state_) {
    case State::kString:
      if (c == '\\') {
        state_ = State::kEscape;
      } else if (c == '"') {
        if (is_key_) {
          state_ = State::kColon;
        } else {
          end_value();
        }
      }
      return true;
    case State::kEscape:
      if (c == 'u') {
        state_ = State::kHex;
        hex_left_ = 4;
        return true;
      }
      state_ = State::kString;
      return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    case State::kHex:
      if (--hex_left_ == 0) state_ = State::kString;
      return is_hex(c);
    case State::kLiteral:
      if (c != literal_.front()) return false;
      literal_.remove_prefix(1);
      if (literal_.empty()) end_value();
      return true;
    default:
      break;
  }
  if (is_json_space(c)) return true;
  switch (state_) {
    case State::kValue:
      return begin_value(c);
    case State::kFirstItem:
      return c == ']' ? close(false) : begin_value(c);
    case State::kFirstKey:
      if (c == '}') return close(true);
      [[fallthrough]];
    case State::kKey:
      is_key_ = true;
      state_ = State::kString;
      return c == '"';
    case State::kColon:
      state_ = State::kValue;
      return c == ':';
    case State::kAfterValue:
      if (c == '}' || c == ']') return close(c == '}');
      state_ = is_object_.back() ? State::kKey : State::kValue;
      return c == ',';
    default:
      return false;
  }
}

bool JsonScanner::finish() {
  const bool number = state_ == State::kZero || state_ == State::kInteger || state_ == State::kFraction ||
                      state_ == State::kExponentDigits;
  if (number && is_object_.empty()) state_ = State::kDone;
  return done();
}

bool is_json_scalar(std::string_view text) {
  JsonScanner scanner;
  for (const char c : text) {
    if (is_json_space(c) || c == '"' || c == '{' || c == '[' || !scanner.push(c)) return false;
  }
  return scanner.finish();
}

void append_json_byte(char c, bool in_string, std::string& out) {
  const auto byte = static_cast<unsigned char>(c);
  if (!in_string || byte >= 0x20) {
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
  }
}

void append_json_text(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    append_json_byte(c, true, out);
  }
}

}  // namespace hearth::text
