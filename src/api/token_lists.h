// Texts and token ids in requests, in all the forms that clients send them.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "api/fields.h"
#include "text/vocabulary.h"

namespace hearth::api {

using TokenIds = std::vector<text::TokenId>;
using TextOrTokens = std::variant<std::string, TokenIds>;

// A non-empty list of whole numbers that can be token ids.
bool is_token_list(const Json& json);
TokenIds tokens_of(const Json& list);

// A string, a list of strings, a list of token ids, or a list of such lists (and of strings); at most
// `max_items` of them.
Parsed<std::vector<TextOrTokens>> read_texts(const Json& object, std::string_view name, size_t max_items);

}  // namespace hearth::api
