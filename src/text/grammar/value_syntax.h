// How values are written down, as expressions: JSON, or the notation of a model family's tool calls.
//
// Texts are given as characters; each notation writes the ones it cannot show as they are by its own escapes.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "text/grammar/rules.h"

namespace hearth::text::grammar {

using Json = nlohmann::ordered_json;

enum class Notation {
  kJson,
  kGemmaCall,  // {key:<|"|>text<|"|>,other:1}: bare keys, strings between tokens, no white space
};

// Borrows the rules.
class ValueSyntax {
 public:
  ValueSyntax(Rules& rules, Notation notation);

  Notation notation() const { return notation_; }
  Rules& rules() const { return rules_; }

  // Between brackets, after commas and colons: nothing, a space, or a new line with some indentation.
  ExpressionId space() const { return space_; }
  ExpressionId separator() const { return separator_; }  // of members and items

  // A string with this content.
  ExpressionId quoted(ExpressionId content) const;
  // One character of a string's content.
  ExpressionId any_character() const { return any_character_; }
  ExpressionId character_of(const CodePointSet& set) const;
  ExpressionId text(std::string_view utf8) const;  // these characters

  ExpressionId key(std::string_view name) const;
  // A key that is none of `taken`, written without escapes.
  ExpressionId other_key(const std::vector<std::string>& taken) const;
  ExpressionId member(ExpressionId key, ExpressionId value) const;

  ExpressionId object(std::optional<ExpressionId> members) const;  // nullopt: {}
  ExpressionId array(std::optional<ExpressionId> items) const;
  // A list of `part`, with separators between.
  std::optional<ExpressionId> list(ExpressionId part, uint32_t min, uint32_t max) const;

  ExpressionId any_number() const { return any_number_; }
  ExpressionId any_integer() const { return any_integer_; }
  ExpressionId any_string() const { return any_string_; }
  ExpressionId any_object() const { return any_object_; }
  ExpressionId any_array() const { return any_array_; }
  ExpressionId any_value() const { return any_value_; }
  ExpressionId boolean() const { return boolean_; }
  ExpressionId null() const { return null_; }
  // Exactly this value, compact.
  ExpressionId literal(const Json& value) const;

 private:
  void define_characters();
  void define_values();

  Rules& rules_;
  Notation notation_;
  ExpressionId space_, separator_, any_character_, any_number_, any_integer_, any_string_, any_object_,
      any_array_, any_value_, boolean_, null_;
};

}  // namespace hearth::text::grammar
