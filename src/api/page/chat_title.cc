#include "api/page/chat_title.h"

#include <algorithm>

namespace hearth::api::page {
namespace {

constexpr size_t kMostCharacters = 60;
constexpr size_t kLongestLine = 2'000;  // bytes that are looked at

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}
bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// Headings, quotes, lists: what stands before the words of a line.
std::string_view without_marks(std::string_view line) {
  for (;;) {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    size_t n = line.find_first_not_of("#>*+-=|");
    n = std::min(n, line.size());
    if (n == 0) {  // "1. " and "2) "
      while (n < line.size() && line[n] >= '0' && line[n] <= '9') ++n;
      const bool numbered =
          n > 0 && n + 1 < line.size() && (line[n] == '.' || line[n] == ')') && line[n + 1] == ' ';
      if (!numbered) return line;
      ++n;
    } else if (n < line.size() && !is_space(line[n]) && line[0] != '#' && line[0] != '*') {
      return line;  // "-5", "=x": a part of the words
    }
    line.remove_prefix(n);
  }
}

// "[words](address)" and "![words](address)" are their words, emphasis and code lose their marks; runs of
// space and control characters are one space.
std::string plain(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '`' || c == '*' || (c == '_' && (out.empty() || out.back() == ' ')) ||
        (c == '!' && line.substr(i + 1).starts_with('[')))
      continue;
    if (c == '[') {
      const size_t close = line.find(']', i);
      if (close != std::string_view::npos && line.substr(close + 1).starts_with('(')) {
        const size_t end = line.find(')', close);
        if (end != std::string_view::npos) {
          out += line.substr(i + 1, close - i - 1);
          i = end;
          continue;
        }
      }
    }
    const bool space = is_space(c) || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// At most kMostCharacters, cut behind a word where there is one in the second half.
std::string shortened(std::string text) {
  size_t n = 0;
  size_t end = 0;
  while (end < text.size() && n < kMostCharacters) {
    ++end;
    while (end < text.size() && !starts_character(text[end])) ++end;
    ++n;
  }
  if (end == text.size()) return text;
  const size_t space = text.rfind(' ', end);
  text.resize(space != std::string::npos && space > end / 2 ? space : end);
  while (!text.empty() && std::string_view(" ,;:.-").find(text.back()) != std::string_view::npos)
    text.pop_back();
  return text + "…";
}

}  // namespace

std::string title_of(std::string_view question) {
  std::string fallback;  // the first line in a block of code
  bool in_code = false;
  while (!question.empty()) {
    std::string_view line = question.substr(0, question.find('\n'));
    question.remove_prefix(std::min(question.size(), line.size() + 1));
    if (line.size() > kLongestLine) {
      size_t end = kLongestLine;
      while (end > 0 && !starts_character(line[end])) --end;
      line = line.substr(0, end);
    }
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    if (line.starts_with("```") || line.starts_with("~~~")) {
      in_code = !in_code;
      continue;
    }
    const std::string words = in_code ? std::string(line) : plain(without_marks(line));
    if (words.empty()) continue;
    if (!in_code) return shortened(words);
    if (fallback.empty()) fallback = plain(words);
  }
  return shortened(fallback);
}

}  // namespace hearth::api::page
