// The conversations of tests/golden/chat_templates, put together as tools/regenerate_chat_goldens.py does it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/chat_template.h"

namespace hearth::text::chat_matrix {

using Json = nlohmann::ordered_json;

struct Matrix {
  int64_t now = 0;
  std::vector<std::pair<std::string, Json>> contexts;
  std::vector<std::pair<std::string, std::string>> templates;  // name, source
};

Matrix load();
Json read_json(std::string_view name);

// kOutside marks what a server would mark: everything but roles, types, settings and the model's tokens.
enum class Marks { kNone, kOutside };
Value to_value(const Json& json, Marks marks = Marks::kNone);

// The context with `sentinel` in the middle of every text a person, a tool or the model wrote.
Json plant(const Json& context, std::string_view sentinel);

bool inside(const std::vector<ByteRange>& ranges, size_t begin, size_t end);

// The first 24 hexadecimal digits.
std::string sha256_24(std::string_view bytes);

}  // namespace hearth::text::chat_matrix
