// Strings of the interpreter: UTF-8 bytes that remember which of them came from outside, and the builder that
// every string operation goes through, so that no operation can lose a mark.
//
// Templates count in code points; a byte that is not valid UTF-8 counts as one code point of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/budget.h"
#include "text/prompt_text.h"

namespace hearth::text::jinja {

struct MarkedText {
  std::string bytes;
  std::vector<ByteRange> untrusted;  // as in PromptText
  bool markup = false;               // went through `safe` or `escape`: adding plain text escapes that text

  bool any_untrusted() const { return !untrusted.empty(); }
  bool is_untrusted(size_t byte) const;
};

class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(budget) {}

  void append(std::string_view bytes, bool untrusted);
  void append(const MarkedText& text) { append(text, 0, text.bytes.size()); }
  void append(const MarkedText& text, size_t begin, size_t end);  // bytes [begin, end)
  void append_times(std::string_view bytes, size_t count, bool untrusted);

  size_t size() const { return text_.bytes.size(); }
  bool empty() const { return text_.bytes.empty(); }
  MarkedText take() { return std::move(text_); }

 private:
  void grow(size_t bytes);
  void mark(size_t begin, size_t end);

  Budget& budget_;
  MarkedText text_;
};

struct CodePoint {
  char32_t value = 0;  // for an invalid byte: kInvalid
  size_t begin = 0;
  size_t end = 0;
};
inline constexpr char32_t kInvalid = 0xFFFFFFFF;

CodePoint code_point_at(std::string_view bytes, size_t begin);  // begin < bytes.size()
size_t code_point_count(std::string_view bytes);
// Byte offsets of all code points, and the size at the end.
std::vector<size_t> code_point_offsets(std::string_view bytes);
bool is_valid_utf8(std::string_view bytes);
void append_utf8(std::string& out, char32_t code_point);
bool is_space(char32_t code_point);  // as str.isspace() sees it

// `<`, `>`, `&` and quotes as HTML entities.
MarkedText escape_html(Budget& budget, const MarkedText& text);

}  // namespace hearth::text::jinja
