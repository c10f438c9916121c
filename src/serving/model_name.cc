#include "serving/model_name.h"

#include <algorithm>

namespace hearth::serving {
namespace {

constexpr std::string_view kDefaultTag = ":latest";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_default_tag(std::string_view name) {
  if (name.size() > kDefaultTag.size() &&
      same_letters(name.substr(name.size() - kDefaultTag.size()), kDefaultTag)) {
    name.remove_suffix(kDefaultTag.size());
  }
  return name;
}

}  // namespace

bool same_model_name(std::string_view a, std::string_view b) {
  return same_letters(without_default_tag(a), without_default_tag(b));
}

}  // namespace hearth::serving
