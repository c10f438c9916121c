#include "text/grammar/value_syntax.h"

#include <algorithm>
#include <map>

#include "text/utf8.h"

namespace hearth::text::grammar {
namespace {

constexpr std::string_view kGemmaQuote = "<|\"|>";

// Models indent with care, but a broken one would write white space for ever.
constexpr uint32_t kMaxIndent = 20;
// Digits of whole numbers, fractions and exponents: more than a double tells apart, and always finite.
constexpr uint32_t kMaxDigits = 16;
constexpr uint32_t kMaxExponentDigits = 2;

const CodePointSet kDigits = {{'0', '9'}};
const CodePointSet kHex = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
// What a JSON string must escape (RFC 8259, section 7).
const CodePointSet kEscaped = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};

std::string escaped(uint32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", c);
  }
}

// The characters of several names, as a tree.
struct NameTree {
  std::map<uint32_t, NameTree> next;
  bool ends_here = false;

  void add(std::string_view name) {
    NameTree* tree = this;
    while (!name.empty()) {
      const Utf8Char c = decode_utf8(name);
      tree = &tree->next[c.code_point];
      name.remove_prefix(c.length);
    }
    tree->ends_here = true;
  }
};

// Texts over `alphabet` that are none of the tree's names.
ExpressionId none_of(Rules& rules, const NameTree& tree, const CodePointSet& alphabet, bool may_be_empty) {
  std::vector<ExpressionId> choices;
  if (may_be_empty && !tree.ends_here) choices.push_back(rules.empty());
  std::vector<CodePointRange> followed;
  for (const auto& [c, below] : tree.next) {
    if (intersection(alphabet, {{c, c}}).empty()) continue;
    followed.push_back({c, c});
    choices.push_back(rules.sequence({rules.characters({{c, c}}), none_of(rules, below, alphabet, true)}));
  }
  const CodePointSet others = difference(alphabet, normalised(std::move(followed)));
  if (!others.empty()) {
    choices.push_back(
        rules.sequence({rules.characters(others), rules.repeat(rules.characters(alphabet), 0)}));
  }
  return rules.choice(std::move(choices));
}

}  // namespace

ValueSyntax::ValueSyntax(Rules& rules, Notation notation) : rules_(rules), notation_(notation) {
  if (notation == Notation::kJson) {
    space_ = rules.define_new(
        "space",
        rules.optional(rules.choice(
            {rules.bytes(" "),
             rules.sequence({rules.bytes("\n"),
                             rules.repeat(rules.characters({{'\t', '\t'}, {' ', ' '}}), 0, kMaxIndent)})})));
  } else {
    space_ = rules.empty();
  }
  separator_ = rules.sequence({rules.bytes(","), space_});
  boolean_ = rules.choice({rules.bytes("true"), rules.bytes("false")});
  null_ = rules.bytes("null");
  define_characters();
  define_values();
}

void ValueSyntax::define_characters() {
  if (notation_ == Notation::kGemmaCall) {
    any_character_ = rules_.characters(any_code_point());
    return;
  }
  // Surrogates come in pairs, one pair a character.
  const ExpressionId hex = rules_.characters(kHex);
  const ExpressionId d = rules_.characters({{'D', 'D'}, {'d', 'd'}});
  const ExpressionId low_surrogate =
      rules_.sequence({rules_.bytes("\\u"), d, rules_.characters({{'C', 'F'}, {'c', 'f'}}), hex, hex});
  const ExpressionId escape = rules_.choice(
      {rules_.characters({{'"', '"'},
                          {'/', '/'},
                          {'\\', '\\'},
                          {'b', 'b'},
                          {'f', 'f'},
                          {'n', 'n'},
                          {'r', 'r'},
                          {'t', 't'}}),
       rules_.sequence(
           {rules_.bytes("u"), rules_.characters(difference(kHex, {{'D', 'D'}, {'d', 'd'}})), hex, hex, hex}),
       rules_.sequence({rules_.bytes("u"), d, rules_.characters({{'0', '7'}}), hex, hex}),
       rules_.sequence({rules_.bytes("u"), d, rules_.characters({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), hex,
                        hex, low_surrogate})});
  any_character_ =
      rules_.define_new("character", rules_.choice({rules_.characters(complement(kEscaped)),
                                                    rules_.sequence({rules_.bytes("\\"), escape})}));
}

void ValueSyntax::define_values() {
  const ExpressionId digit = rules_.characters(kDigits);
  const ExpressionId whole = rules_.choice(
      {rules_.bytes("0"),
       rules_.sequence({rules_.characters({{'1', '9'}}), rules_.repeat(digit, 0, kMaxDigits - 1)})});
  const ExpressionId minus = rules_.optional(rules_.bytes("-"));
  any_integer_ = rules_.define_new("integer", rules_.sequence({minus, whole}));
  any_number_ = rules_.define_new(
      "number",
      rules_.sequence(
          {minus, whole,
           rules_.optional(rules_.sequence({rules_.bytes("."), rules_.repeat(digit, 1, kMaxDigits)})),
           rules_.optional(rules_.sequence({rules_.characters({{'E', 'E'}, {'e', 'e'}}),
                                            rules_.optional(rules_.characters({{'+', '+'}, {'-', '-'}})),
                                            rules_.repeat(digit, 1, kMaxExponentDigits)}))}));
  any_string_ = rules_.define_new("string", quoted(rules_.repeat(any_character_, 0)));
  const RuleId value = rules_.declare("value");
  any_value_ = rules_.use(value);
  const ExpressionId any_key = notation_ == Notation::kJson ? any_string_ : other_key({});
  any_object_ = rules_.define_new("object", object(list(member(any_key, any_value_), 0, kUnbounded)));
  any_array_ = rules_.define_new("array", array(list(any_value_, 0, kUnbounded)));
  rules_.define(value, rules_.choice({any_object_, any_array_, any_string_, any_number_, boolean_, null_}));
}

ExpressionId ValueSyntax::quoted(ExpressionId content) const {
  const ExpressionId quote = notation_ == Notation::kJson ? rules_.bytes("\"") : rules_.token(kGemmaQuote);
  return rules_.sequence({quote, content, quote});
}

ExpressionId ValueSyntax::character_of(const CodePointSet& set) const {
  if (notation_ == Notation::kGemmaCall) return rules_.characters(set);
  std::vector<ExpressionId> choices;
  const CodePointSet plain = difference(set, kEscaped);
  if (!plain.empty()) choices.push_back(rules_.characters(plain));
  for (const CodePointRange& range : intersection(set, kEscaped)) {
    for (uint32_t c = range.first; c <= range.last; ++c) choices.push_back(rules_.bytes(escaped(c)));
  }
  return choices.empty() ? rules_.characters({}) : rules_.choice(std::move(choices));
}

ExpressionId ValueSyntax::text(std::string_view utf8) const {
  if (notation_ == Notation::kGemmaCall) return rules_.bytes(utf8);
  std::string out;
  for (const char c : utf8) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || c == '"' || c == '\\') {
      out += escaped(byte);
    } else {
      out.push_back(c);
    }
  }
  return rules_.bytes(out);
}

ExpressionId ValueSyntax::key(std::string_view name) const {
  // Bare where it reads back as the same key.
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-' || c == '.';
  };
  const bool bare =
      notation_ == Notation::kGemmaCall && !name.empty() && std::all_of(name.begin(), name.end(), plain);
  return bare ? rules_.bytes(name) : quoted(text(name));
}

ExpressionId ValueSyntax::other_key(const std::vector<std::string>& taken) const {
  NameTree tree;
  for (const std::string& name : taken) tree.add(name);
  if (notation_ == Notation::kJson) return quoted(none_of(rules_, tree, complement(kEscaped), true));
  const CodePointSet bare = {{'-', '.'}, {'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return none_of(rules_, tree, bare, false);
}

ExpressionId ValueSyntax::member(ExpressionId key, ExpressionId value) const {
  return rules_.sequence({key, rules_.bytes(":"), space_, value});
}

ExpressionId ValueSyntax::object(std::optional<ExpressionId> members) const {
  if (!members) return rules_.bytes("{}");
  return rules_.sequence({rules_.bytes("{"), space_, *members, space_, rules_.bytes("}")});
}

ExpressionId ValueSyntax::array(std::optional<ExpressionId> items) const {
  if (!items) return rules_.bytes("[]");
  return rules_.sequence({rules_.bytes("["), space_, *items, space_, rules_.bytes("]")});
}

std::optional<ExpressionId> ValueSyntax::list(ExpressionId part, uint32_t min, uint32_t max) const {
  if (max == 0) return std::nullopt;
  const ExpressionId more = rules_.repeat(rules_.sequence({separator_, part}), min == 0 ? 0 : min - 1,
                                          max == kUnbounded ? max : max - 1);
  const ExpressionId some = rules_.sequence({part, more});
  return min == 0 ? rules_.optional(some) : some;
}

ExpressionId ValueSyntax::literal(const Json& value) const {
  if (value.is_string()) return quoted(text(value.get_ref<const std::string&>()));
  std::vector<ExpressionId> parts;
  if (value.is_array()) {
    parts.push_back(rules_.bytes("["));
    for (const Json& item : value) {
      if (parts.size() > 1) parts.push_back(rules_.bytes(","));
      parts.push_back(literal(item));
    }
    parts.push_back(rules_.bytes("]"));
    return rules_.sequence(std::move(parts));
  }
  if (value.is_object()) {
    parts.push_back(rules_.bytes("{"));
    for (const auto& [name, member] : value.items()) {
      if (parts.size() > 1) parts.push_back(rules_.bytes(","));
      parts.push_back(key(name));
      parts.push_back(rules_.bytes(":"));
      parts.push_back(literal(member));
    }
    parts.push_back(rules_.bytes("}"));
    return rules_.sequence(std::move(parts));
  }
  return rules_.bytes(value.dump());
}

}  // namespace hearth::text::grammar
