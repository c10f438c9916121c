// The values a chat template computes with: JSON-like, with insertion-ordered mappings and strings that
// remember which of their bytes came from outside (text/prompt_text.h).
//
// Lists and mappings have reference semantics, as in the language templates are written in: copying a Value
// shares them. A Value tree that is shared between threads must not be changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/prompt_text.h"

namespace hearth::text {

class Value;
using ValueList = std::vector<Value>;
using ValueMap = std::vector<std::pair<std::string, Value>>;  // insertion order; keys unique

class Value {
 public:
  Value() = default;                                // none
  Value(bool b) : data_(b) {}                       // NOLINT(google-explicit-constructor)
  Value(int64_t i) : data_(i) {}                    // NOLINT
  Value(int i) : data_(static_cast<int64_t>(i)) {}  // NOLINT
  Value(double d) : data_(d) {}                     // NOLINT
  Value(std::string s) : data_(std::make_shared<PromptText>(PromptText{std::move(s), {}})) {}  // NOLINT
  Value(std::string_view s) : Value(std::string(s)) {}                                         // NOLINT
  Value(const char* s) : Value(std::string(s)) {}                                              // NOLINT

  static Value list(ValueList items = {});
  static Value map(ValueMap items = {});
  // A string whose every byte came from outside.
  static Value untrusted(std::string s);

  bool is_none() const;
  bool is_bool() const;
  bool is_integer() const;
  bool is_float() const;
  bool is_string() const;
  bool is_list() const;
  bool is_map() const;

  bool as_bool() const;
  int64_t as_integer() const;
  double as_float() const;
  const PromptText& as_string() const;
  ValueList& as_list() const;
  ValueMap& as_map() const;

  // Mapping access: nullptr when absent; set() replaces or appends.
  const Value* find(std::string_view key) const;
  void set(std::string key, Value value);

 private:
  std::variant<std::monostate, bool, int64_t, double, std::shared_ptr<const PromptText>,
               std::shared_ptr<ValueList>, std::shared_ptr<ValueMap>>
      data_;
};

}  // namespace hearth::text
