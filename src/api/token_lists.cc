#include "api/token_lists.h"

#include <algorithm>

namespace hearth::api {
namespace {

bool is_token(const Json& json) {
  return json.is_number_integer() && json.get<double>() >= 0 && json.get<double>() <= kMaxTokens;
}

}  // namespace

bool is_token_list(const Json& json) {
  return json.is_array() && !json.empty() && std::all_of(json.begin(), json.end(), is_token);
}

TokenIds tokens_of(const Json& list) {
  TokenIds ids;
  ids.reserve(list.size());
  for (const Json& item : list) ids.push_back(item.get<text::TokenId>());
  return ids;
}

Parsed<std::vector<TextOrTokens>> read_texts(const Json& object, std::string_view name, size_t max_items) {
  const std::string field(name);
  const Json* value = find(object, name);
  if (value == nullptr) return refuse(field, "is missing");
  std::vector<TextOrTokens> texts;
  if (value->is_string()) {
    texts.emplace_back(value->get<std::string>());
    return texts;
  }
  if (is_token_list(*value)) {
    texts.emplace_back(tokens_of(*value));
    return texts;
  }
  if (!value->is_array() || value->empty()) {
    return refuse(field, "must be a string, a list of strings, or a list of token ids");
  }
  if (value->size() > max_items) {
    return refuse(field,
                  fmt::format("holds {} items, or values that are not token ids; at most {} are allowed in "
                              "one request",
                              value->size(), max_items));
  }
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& item = (*value)[i];
    if (item.is_string()) {
      texts.emplace_back(item.get<std::string>());
    } else if (is_token_list(item)) {
      texts.emplace_back(tokens_of(item));
    } else {
      return refuse(at(field, i), "must be a string or a list of token ids (0 or more)");
    }
  }
  return texts;
}

}  // namespace hearth::api
