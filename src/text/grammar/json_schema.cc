#include "text/grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <unordered_map>

#include "text/grammar/automaton.h"
#include "text/grammar/number_range.h"
#include "text/grammar/pattern.h"
#include "text/grammar/schema_merge.h"
#include "text/grammar/string_formats.h"

namespace hearth::text::grammar {
namespace {

class Reader {
 public:
  // n_checked: schemas that values were held against, of all readers of one document.
  Reader(const ValueSyntax& syntax, const Json& document, const SchemaOptions& options, size_t& n_checked)
      : syntax_(syntax),
        rules_(syntax.rules()),
        document_(document),
        options_(options),
        n_checked_(n_checked),
        merger_(document, options.limits, options.refuse_unsupported),
        max_depth_(options.limits.max_depth),
        refuse_unsupported_(options.refuse_unsupported) {}

  Result<ExpressionId> run(const Json& schema, const std::string& path = "#") {
    HEARTH_TRY(const ExpressionId root, read(schema, path, 0));
    // What is referred to is read afterwards, so that long chains of references do not nest.
    while (!waiting_.empty()) {
      const Waiting next = waiting_.front();
      waiting_.pop_front();
      HEARTH_TRY(const ExpressionId body, read(*next.schema, next.path, 0));
      rules_.define(next.rule, body);
      HEARTH_CHECK_OK(rules_.status());
    }
    return root;
  }

 private:
  struct Waiting {
    RuleId rule;
    const Json* schema;
    std::string path;
  };

  Result<ExpressionId> read(const Json& schema, const std::string& path, int depth) {
    if (depth > max_depth_)
      return refuse_schema(path, fmt::format("nested deeper than {} levels", max_depth_));
    HEARTH_CHECK_OK(rules_.status());
    // A reference with nothing beside it is a rule, which may refer to itself.
    if (schema.is_object() && schema.contains("$ref") && is_bare_reference(schema)) {
      return read_reference(schema["$ref"], path);
    }
    HEARTH_TRY(const Json whole, merger_.expand(schema, path, depth));
    return read_expanded(whole, path, depth);
  }

  static bool is_bare_reference(const Json& schema) {
    static constexpr std::string_view kHarmless[] = {"$ref",    "title", "description",
                                                     "default", "$defs", "definitions"};
    for (const auto& [name, value] : schema.items()) {
      if (std::find(std::begin(kHarmless), std::end(kHarmless), name) == std::end(kHarmless)) return false;
    }
    return true;
  }

  Result<ExpressionId> read_reference(const Json& reference, const std::string& path) {
    if (!reference.is_string()) return refuse_schema(path + "/$ref", "must be a string");
    const auto& name = reference.get_ref<const std::string&>();
    const auto known = references_.find(name);
    if (known != references_.end()) return rules_.use(known->second);
    HEARTH_TRY(const Json* target, merger_.resolve(name, path));
    const RuleId rule = rules_.declare(name);
    HEARTH_CHECK_OK(rules_.status());
    references_[name] = rule;
    waiting_.push_back({rule, target, name});
    return rules_.use(rule);
  }

  Result<ExpressionId> read_expanded(const Json& schema, const std::string& path, int depth) {
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (schema.contains(keyword)) return read_choice(schema, keyword, path, depth);
    }
    if (schema.contains("const")) {
      return read_values(schema, "const", Json::array({schema["const"]}), path);
    }
    if (schema.contains("enum")) return read_values(schema, "enum", schema["enum"], path);
    std::vector<ExpressionId> choices;
    HEARTH_TRY(const std::vector<std::string> types, types_of(schema, path));
    for (const std::string& type : types) {
      HEARTH_TRY(const ExpressionId choice, read_type(schema, type, path, depth));
      choices.push_back(choice);
    }
    return choices.empty() ? syntax_.any_value() : rules_.choice(std::move(choices));
  }

  Result<ExpressionId> read_choice(const Json& schema, const char* keyword, const std::string& path,
                                   int depth) {
    const Json& parts = schema[keyword];
    const std::string list_path = fmt::format("{}/{}", path, keyword);
    if (!parts.is_array() || parts.empty()) return refuse_schema(list_path, "must be a list of schemas");
    Json base = schema;
    base.erase(keyword);
    std::vector<ExpressionId> choices;
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::string part_path = fmt::format("{}/{}", list_path, i);
      if (base.empty()) {
        HEARTH_TRY(const ExpressionId choice, read(parts[i], part_path, depth + 1));
        choices.push_back(choice);
        continue;
      }
      HEARTH_TRY(const Json part, merger_.expand(parts[i], part_path, depth + 1));
      HEARTH_TRY(const Json whole, merger_.merge(base, part, part_path));
      HEARTH_TRY(const ExpressionId choice, read(whole, part_path, depth + 1));
      choices.push_back(choice);
    }
    return rules_.choice(std::move(choices));
  }

  // Those of the values of "enum" or "const" that everything else the schema says allows.
  Result<ExpressionId> read_values(const Json& schema, const char* keyword, const Json& values,
                                   const std::string& path) {
    const std::string values_path = fmt::format("{}/{}", path, keyword);
    if (!values.is_array() || values.empty()) return refuse_schema(values_path, "must be a list of values");
    Json rest = schema;
    rest.erase(keyword);
    HEARTH_TRY(const Allowed allowed, what_allows(rest, path));
    std::vector<ExpressionId> choices;
    for (const Json& value : values) {
      if (has_type(schema, value) && allowed(value)) choices.push_back(syntax_.literal(value));
      HEARTH_CHECK_OK(rules_.status());
    }
    if (choices.empty()) return refuse_schema(values_path, "contradicts what else holds here");
    return rules_.choice(std::move(choices));
  }

  // What a schema says of a value, found out by its own grammar. Without "type", its keywords are about
  // values of their type only.
  using Allowed = std::function<bool(const Json& value)>;
  Result<Allowed> what_allows(const Json& schema, const std::string& path) const {
    if (schema.empty() || (schema.size() == 1 && schema.contains("type"))) {
      return Allowed([](const Json&) { return true; });
    }
    constexpr size_t kMaxChecked = 500;
    if (++n_checked_ > kMaxChecked) {
      return refuse_schema(
          path, fmt::format("more than {} times other keywords stand beside enum or const", kMaxChecked));
    }
    Rules rules(options_.limits);
    const ValueSyntax json(rules, Notation::kJson);
    HEARTH_TRY(const ExpressionId value, Reader(json, document_, options_, n_checked_).run(schema, path));
    const RuleId root = rules.declare("root");
    rules.define(root, value);
    HEARTH_TRY(std::shared_ptr<const Grammar> grammar, Grammar::compile(rules, root));
    HEARTH_TRY(const std::vector<std::string> types, types_of(schema, path));
    Json about = Json::object();
    about["type"] = types;
    return Allowed([automaton = std::make_shared<Automaton>(std::move(grammar)), about](const Json& value) {
      if (!about["type"].empty() && !has_type(about, value)) return true;
      automaton->begin_work();
      Automaton::State state = automaton->start();
      for (const char byte : value.dump()) state = automaton->next(state, static_cast<uint8_t>(byte));
      return automaton->is_complete(state);
    });
  }

  // The types a schema names, or the one its keywords are about; none: any value.
  static Result<std::vector<std::string>> types_of(const Json& schema, const std::string& path) {
    std::vector<std::string> types;
    if (schema.contains("type")) {
      const Json& type = schema["type"];
      for (const Json& one : type.is_array() ? type : Json::array({type})) {
        if (!one.is_string()) return refuse_schema(path + "/type", "must be a name or a list of names");
        types.push_back(one.get<std::string>());
      }
      if (types.empty()) return refuse_schema(path + "/type", "names no type");
      return types;
    }
    const auto about = [&](std::initializer_list<const char*> keywords) {
      return std::any_of(keywords.begin(), keywords.end(),
                         [&](const char* name) { return schema.contains(name); });
    };
    if (about({"properties", "required", "additionalProperties", "propertyNames", "minProperties",
               "maxProperties"}))
      types.push_back("object");
    if (about({"items", "prefixItems", "minItems", "maxItems"})) types.push_back("array");
    if (about({"minLength", "maxLength", "pattern", "format"})) types.push_back("string");
    if (about({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})) types.push_back("number");
    return types;
  }

  static bool has_type(const Json& schema, const Json& value) {
    if (!schema.contains("type")) return true;
    const Json& type = schema["type"];
    for (const Json& one : type.is_array() ? type : Json::array({type})) {
      if ((one == "string" && value.is_string()) || (one == "number" && value.is_number()) ||
          (one == "integer" && value.is_number_integer()) || (one == "boolean" && value.is_boolean()) ||
          (one == "null" && value.is_null()) || (one == "object" && value.is_object()) ||
          (one == "array" && value.is_array())) {
        return true;
      }
    }
    return false;
  }

  Result<ExpressionId> read_type(const Json& schema, const std::string& type, const std::string& path,
                                 int depth) {
    if (type == "object") return read_object(schema, path, depth);
    if (type == "array") return read_array(schema, path, depth);
    if (type == "string") return read_string(schema, path);
    if (type == "integer" || type == "number") return read_number(schema, type == "integer", path);
    if (type == "boolean") return syntax_.boolean();
    if (type == "null") return syntax_.null();
    return refuse_schema(path + "/type", fmt::format("\"{}\" is not a type", type.substr(0, 64)));
  }

  // A count of characters, items or properties.
  static Result<uint32_t> read_count(const Json& schema, const char* name, uint32_t otherwise,
                                     const std::string& path) {
    static constexpr uint32_t kMaxCount = 1'000'000'000;
    if (!schema.contains(name)) return otherwise;
    const Json& value = schema[name];
    const double number = value.is_number() ? value.get<double>() : -1;
    if (number < 0 || number != std::floor(number)) {
      return refuse_schema(fmt::format("{}/{}", path, name), "must be a whole number that is not negative");
    }
    // No text is that long.
    if (number <= kMaxCount) return static_cast<uint32_t>(number);
    if (otherwise == kUnbounded) return kUnbounded;
    return refuse_schema(fmt::format("{}/{}", path, name), fmt::format("is more than {}", kMaxCount));
  }

  struct Counts {
    uint32_t min = 0, max = kUnbounded;
  };
  static Result<Counts> read_counts(const Json& schema, const char* min, const char* max,
                                    const std::string& path) {
    Counts counts;
    HEARTH_TRY(counts.min, read_count(schema, min, 0, path));
    HEARTH_TRY(counts.max, read_count(schema, max, kUnbounded, path));
    if (counts.max < counts.min)
      return refuse_schema(path, fmt::format("\"{}\" is less than \"{}\"", max, min));
    return counts;
  }

  Result<ExpressionId> read_string(const Json& schema, const std::string& path) {
    HEARTH_TRY(const Counts counts, read_counts(schema, "minLength", "maxLength", path));
    std::optional<std::string> source;
    std::string keyword = "pattern";
    if (schema.contains("pattern")) {
      if (!schema["pattern"].is_string()) return refuse_schema(path + "/pattern", "must be a string");
      source = schema["pattern"].get<std::string>();
    } else if (schema.contains("format")) {
      keyword = "format";
      if (!schema["format"].is_string()) return refuse_schema(path + "/format", "must be a string");
      const auto known = format_pattern(schema["format"].get_ref<const std::string&>());
      if (known) source = *known;
      if (!known && refuse_unsupported_) {
        return refuse_schema(path + "/format",
                             fmt::format("the format \"{}\" is not supported",
                                         schema["format"].get<std::string>().substr(0, 64)));
      }
    }
    if (!source) return syntax_.quoted(rules_.repeat(syntax_.any_character(), counts.min, counts.max));
    Lengths lengths{counts.min, Pattern::kAnyLength};
    if (counts.max != kUnbounded) lengths.max = counts.max;
    auto pattern = read_pattern(*source, syntax_, lengths);
    if (!pattern && keyword == "pattern" && schema.contains("format") && schema["format"].is_string()) {
      // Validators write the pattern of a format beside it, often with look-around.
      const auto known = format_pattern(schema["format"].get_ref<const std::string&>());
      if (known) pattern = read_pattern(*known, syntax_, lengths);
    }
    if (pattern) {
      const bool short_enough = counts.max == kUnbounded || pattern->max_length <= counts.max;
      if (pattern->min_length >= counts.min && short_enough) return syntax_.quoted(pattern->content);
    }
    if (!refuse_unsupported_) {
      return syntax_.quoted(rules_.repeat(syntax_.any_character(), counts.min, counts.max));
    }
    if (!pattern) return refuse_schema(path + "/" + keyword, pattern.error().message);
    return refuse_schema(
        path, fmt::format("minLength and maxLength are supported beside a \"{}\" only where it keeps to "
                          "them itself, or varies in how often it repeats one character",
                          keyword));
  }

  Result<ExpressionId> read_number(const Json& schema, bool whole, const std::string& path) {
    std::optional<Bound> min, max;
    for (const char* name : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
      if (!schema.contains(name)) continue;
      const Json& value = schema[name];
      const bool exclusive = name[0] == 'e';
      // In old drafts the exclusive forms say how the others are meant.
      if (exclusive && value.is_boolean()) continue;
      if (!value.is_number()) return refuse_schema(fmt::format("{}/{}", path, name), "must be a number");
      std::optional<Bound>& bound = std::string_view(name).ends_with("inimum") ? min : max;
      const bool stricter = !bound || (&bound == &min ? value.get<double>() >= bound->value
                                                      : value.get<double>() <= bound->value);
      if (stricter) bound = Bound{value.get<double>(), exclusive};
    }
    const auto is_true = [&](const char* name) { return schema.contains(name) && schema[name] == true; };
    if (min && is_true("exclusiveMinimum")) min->exclusive = true;
    if (max && is_true("exclusiveMaximum")) max->exclusive = true;
    if (!min && !max) return whole ? syntax_.any_integer() : syntax_.any_number();
    if (!whole) {
      const auto numbers = decimal_numbers(rules_, min, max);
      if (!numbers) return refuse_schema(path, numbers.error().message);
      return *numbers;
    }
    // Beyond this, doubles skip whole numbers, and nothing is written anyway.
    static constexpr double kLimit = 9007199254740992.0;
    std::optional<int64_t> low, high;
    if (min && min->value >= -kLimit) {
      if (min->value >= kLimit) return refuse_schema(path, "the minimum is 2^53 or more");
      low = static_cast<int64_t>(std::ceil(min->value));
      if (min->exclusive && static_cast<double>(*low) == min->value) ++*low;
    }
    if (max && max->value <= kLimit) {
      if (max->value <= -kLimit) return refuse_schema(path, "the maximum is -2^53 or less");
      high = static_cast<int64_t>(std::floor(max->value));
      if (max->exclusive && static_cast<double>(*high) == max->value) --*high;
    }
    const auto numbers = whole_numbers(rules_, low, high);
    if (!numbers) return refuse_schema(path, "no whole number lies between its bounds");
    return *numbers;
  }

  Result<ExpressionId> read_array(const Json& schema, const std::string& path, int depth) {
    HEARTH_TRY(Counts counts, read_counts(schema, "minItems", "maxItems", path));
    const bool old_tuple = schema.contains("items") && schema["items"].is_array();
    const char* first_name = old_tuple ? "items" : "prefixItems";
    const char* rest_name = old_tuple ? "additionalItems" : "items";
    std::vector<ExpressionId> first;
    if (schema.contains(first_name)) {
      const Json& list = schema[first_name];
      if (!list.is_array()) return refuse_schema(path + "/" + first_name, "must be a list of schemas");
      for (size_t i = 0; i < list.size() && i < counts.max; ++i) {
        HEARTH_TRY(const ExpressionId item,
                   read(list[i], fmt::format("{}/{}/{}", path, first_name, i), depth + 1));
        first.push_back(item);
      }
    }
    std::optional<ExpressionId> rest;
    const bool closed = schema.contains(rest_name) ? schema[rest_name] == false : !first.empty();
    if (schema.contains(rest_name) && !closed) {
      HEARTH_TRY(rest, read(schema[rest_name], path + "/" + rest_name, depth + 1));
    } else if (!closed) {
      rest = syntax_.any_value();
    }
    const auto n_first = static_cast<uint32_t>(first.size());
    if (!rest && counts.min > n_first) return refuse_schema(path, "\"minItems\" is more than there can be");
    if (n_first == 0) return syntax_.array(rest ? syntax_.list(*rest, counts.min, counts.max) : std::nullopt);
    std::vector<ExpressionId> parts;
    for (const ExpressionId item : first) {
      if (!parts.empty()) parts.push_back(syntax_.separator());
      parts.push_back(item);
    }
    if (rest && counts.max > n_first) {
      parts.push_back(rules_.repeat(rules_.sequence({syntax_.separator(), *rest}),
                                    counts.min > n_first ? counts.min - n_first : 0,
                                    counts.max == kUnbounded ? kUnbounded : counts.max - n_first));
    }
    return syntax_.array(rules_.sequence(std::move(parts)));
  }

  struct Property {
    std::string name;
    ExpressionId member;  // key and value
    bool required;
  };

  Result<ExpressionId> read_object(const Json& schema, const std::string& path, int depth) {
    HEARTH_TRY(const std::vector<Property> properties, read_properties(schema, path, depth));
    HEARTH_TRY(const Counts counts, read_counts(schema, "minProperties", "maxProperties", path));
    HEARTH_TRY(const std::optional<ExpressionId> other, read_other_member(schema, properties, path, depth));
    if (properties.empty()) {
      if (!other && counts.min > 0) return refuse_schema(path, "\"minProperties\" is more than there can be");
      return syntax_.object(other ? syntax_.list(*other, counts.min, counts.max) : std::nullopt);
    }
    const auto n_required = static_cast<uint32_t>(
        std::count_if(properties.begin(), properties.end(), [](const Property& p) { return p.required; }));
    const bool kept =
        counts.min <= n_required && (counts.max == kUnbounded || (!other && counts.max >= properties.size()));
    if (!kept && refuse_unsupported_) {
      return refuse_schema(
          path, "minProperties and maxProperties are supported only where there are no properties");
    }
    return syntax_.object(members(properties, other));
  }

  Result<std::vector<Property>> read_properties(const Json& schema, const std::string& path, int depth) {
    std::vector<std::string> required;
    if (schema.contains("required")) {
      if (!schema["required"].is_array()) return refuse_schema(path + "/required", "must be a list of names");
      for (const Json& name : schema["required"]) {
        if (!name.is_string()) return refuse_schema(path + "/required", "must be a list of names");
        required.push_back(name.get<std::string>());
      }
    }
    std::sort(required.begin(), required.end());
    const auto is_required = [&](const std::string& name) {
      return std::binary_search(required.begin(), required.end(), name);
    };
    std::vector<Property> properties;
    const auto add = [&](const std::string& name, ExpressionId value) {
      properties.push_back(
          {name, rules_.define_new(path, syntax_.member(syntax_.key(name), value)), is_required(name)});
    };
    const bool listed = schema.contains("properties");
    if (listed && !schema["properties"].is_object())
      return refuse_schema(path + "/properties", "must be an object of schemas");
    std::vector<std::string> known;
    if (listed) {
      for (const auto& [name, property] : schema["properties"].items()) {
        known.push_back(name);
        if (property == false && !is_required(name)) continue;
        HEARTH_TRY(const ExpressionId value,
                   read(property, fmt::format("{}/properties/{}", path, name), depth + 1));
        add(name, value);
      }
    }
    // What is required and not described is anything that the other properties may be.
    std::sort(known.begin(), known.end());
    for (const std::string& name : required) {
      if (std::binary_search(known.begin(), known.end(), name)) continue;
      if (!properties.empty() && properties.back().name == name) continue;
      const bool has_other = schema.contains("additionalProperties");
      if (has_other && schema["additionalProperties"] == false) {
        return refuse_schema(path + "/required",
                             fmt::format("\"{}\" is not among the properties", name.substr(0, 64)));
      }
      ExpressionId value = syntax_.any_value();
      if (has_other) {
        HEARTH_TRY(value, read(schema["additionalProperties"], path + "/additionalProperties", depth + 1));
      }
      add(name, value);
    }
    if (syntax_.notation() == Notation::kGemmaCall) {
      std::stable_sort(properties.begin(), properties.end(),
                       [](const Property& a, const Property& b) { return a.name < b.name; });
    }
    return properties;
  }

  // The schema of "propertyNames" where it is about more than that they are strings.
  Result<std::optional<Json>> property_names(const Json& schema, const std::string& path, int depth) {
    if (!schema.contains("propertyNames")) return std::optional<Json>();
    HEARTH_TRY(Json names, merger_.expand(schema["propertyNames"], path + "/propertyNames", depth + 1));
    if (names.empty() || (names.size() == 1 && names.contains("type"))) return std::optional<Json>();
    names["type"] = "string";
    return std::optional<Json>(std::move(names));
  }
  Status no_property_names(const std::string& path) const {
    if (!refuse_unsupported_) return {};
    return refuse_schema(path + "/propertyNames", "is supported only where there are no properties");
  }

  // A member that is not one of the properties, if there may be any.
  Result<std::optional<ExpressionId>> read_other_member(const Json& schema,
                                                        const std::vector<Property>& properties,
                                                        const std::string& path, int depth) {
    const bool said = schema.contains("additionalProperties");
    HEARTH_TRY(const std::optional<Json> names, property_names(schema, path, depth));
    if (said ? schema["additionalProperties"] == false : schema.contains("properties")) {
      if (names && !properties.empty()) HEARTH_CHECK_OK(no_property_names(path));
      return std::optional<ExpressionId>();
    }
    ExpressionId value = syntax_.any_value();
    if (said) {
      HEARTH_TRY(value, read(schema["additionalProperties"], path + "/additionalProperties", depth + 1));
    }
    std::vector<std::string> taken;
    for (const Property& property : properties) taken.push_back(property.name);
    if (schema.contains("properties")) {
      for (const auto& [name, unused] : schema["properties"].items()) taken.push_back(name);
    }
    ExpressionId key = syntax_.other_key(taken);
    if (names) {
      if (!taken.empty() || syntax_.notation() != Notation::kJson) {
        HEARTH_CHECK_OK(no_property_names(path));
      } else {
        HEARTH_TRY(key, read_expanded(*names, path + "/propertyNames", depth + 1));
      }
    }
    return std::optional(rules_.define_new(path, syntax_.member(key, value)));
  }

  // The properties in order, optional ones or not, then any number of others.
  ExpressionId members(const std::vector<Property>& properties, std::optional<ExpressionId> other) {
    const auto separated = [&](ExpressionId member) {
      return rules_.sequence({syntax_.separator(), member});
    };
    // What may follow a member, and what may come first, from property i on.
    ExpressionId after = other ? rules_.repeat(separated(*other), 0) : rules_.empty();
    ExpressionId first = other ? *syntax_.list(*other, 0, kUnbounded) : rules_.empty();
    for (size_t i = properties.size(); i-- > 0;) {
      const Property& property = properties[i];
      const ExpressionId rest = rules_.define_new(property.name, after);  // a rule, because it is used twice
      const ExpressionId here = rules_.sequence({property.member, rest});
      first = property.required ? here : rules_.choice({here, first});
      const ExpressionId next = separated(property.member);
      after = rules_.sequence({property.required ? next : rules_.optional(next), rest});
    }
    return first;
  }

  const ValueSyntax& syntax_;
  Rules& rules_;
  const Json& document_;
  const SchemaOptions& options_;
  size_t& n_checked_;
  SchemaMerger merger_;
  int max_depth_;
  bool refuse_unsupported_;
  std::unordered_map<std::string, RuleId> references_;
  std::deque<Waiting> waiting_;
};

Result<std::shared_ptr<const Grammar>> compile_value(Rules& rules, ExpressionId value) {
  const RuleId root = rules.declare("root");
  rules.define(root, value);
  return Grammar::compile(rules, root);
}

}  // namespace

Result<Json> parse_schema(std::string_view text, const GrammarLimits& limits) {
  // Members are found by looking through all of them, so their number must be bounded before they are read.
  constexpr ptrdiff_t kMaxMembers = 20'000;
  if (text.size() > limits.max_source_bytes) {
    return fail(ErrorCategory::kInvalidArgument, "the schema has {} bytes, at most {} are allowed",
                text.size(), limits.max_source_bytes);
  }
  if (std::count(text.begin(), text.end(), ':') > kMaxMembers) {
    return fail(ErrorCategory::kInvalidArgument, "the schema has more than {} members", kMaxMembers);
  }
  int depth = 0;
  bool too_deep = false;
  const auto watch = [&](int at, Json::parse_event_t, Json&) {
    depth = std::max(depth, at);
    too_deep = too_deep || at > 4 * limits.max_depth;
    return !too_deep;
  };
  Json json = Json::parse(text, watch, false);
  if (too_deep) return fail(ErrorCategory::kInvalidArgument, "the schema is nested too deep");
  if (json.is_discarded()) return fail(ErrorCategory::kInvalidArgument, "the schema is not valid JSON");
  return json;
}

Result<ExpressionId> add_schema(const ValueSyntax& syntax, const Json& document,
                                const SchemaOptions& options) {
  size_t n_checked = 0;
  return Reader(syntax, document, options, n_checked).run(document);
}

Result<std::shared_ptr<const Grammar>> json_schema_grammar(std::string_view schema,
                                                           const SchemaOptions& options) {
  HEARTH_TRY(const Json document, parse_schema(schema, options.limits));
  Rules rules(options.limits);
  const ValueSyntax syntax(rules, Notation::kJson);
  HEARTH_TRY(const ExpressionId value, add_schema(syntax, document, options));
  return compile_value(rules, value);
}

Result<std::shared_ptr<const Grammar>> json_object_grammar() {
  Rules rules;
  const ValueSyntax syntax(rules, Notation::kJson);
  return compile_value(rules, syntax.any_object());
}

}  // namespace hearth::text::grammar
