#include "text/jinja/marked_text.h"

#include <algorithm>

namespace hearth::text::jinja {

namespace {

auto first_range_after(const MarkedText& text, size_t byte) {
  return std::partition_point(text.untrusted.begin(), text.untrusted.end(),
                              [byte](const ByteRange& range) { return range.end <= byte; });
}

}  // namespace

bool MarkedText::is_untrusted(size_t byte) const {
  auto range = first_range_after(*this, byte);
  return range != untrusted.end() && range->begin <= byte;
}

void TextBuilder::grow(size_t bytes) {
  budget_.check_length(text_.bytes.size() + bytes);
  budget_.spend_bytes(bytes);
}

void TextBuilder::mark(size_t begin, size_t end) {
  if (begin == end) return;
  if (!text_.untrusted.empty() && text_.untrusted.back().end == begin) {
    text_.untrusted.back().end = end;
  } else {
    text_.untrusted.push_back({begin, end});
  }
}

void TextBuilder::append(std::string_view bytes, bool untrusted) {
  grow(bytes.size());
  size_t begin = text_.bytes.size();
  text_.bytes.append(bytes);
  if (untrusted) mark(begin, text_.bytes.size());
}

void TextBuilder::append(const MarkedText& text, size_t begin, size_t end) {
  grow(end - begin);
  size_t base = text_.bytes.size();
  text_.bytes.append(text.bytes, begin, end - begin);
  for (auto range = first_range_after(text, begin); range != text.untrusted.end() && range->begin < end;
       ++range) {
    mark(base + std::max(range->begin, begin) - begin, base + std::min(range->end, end) - begin);
  }
}

void TextBuilder::append_times(std::string_view bytes, size_t count, bool untrusted) {
  if (bytes.empty() || count == 0) return;
  size_t total;
  if (__builtin_mul_overflow(bytes.size(), count, &total)) total = SIZE_MAX / 2;
  grow(total);
  size_t begin = text_.bytes.size();
  text_.bytes.reserve(begin + total);
  for (size_t i = 0; i < count; ++i) text_.bytes.append(bytes);
  if (untrusted) mark(begin, text_.bytes.size());
}

CodePoint code_point_at(std::string_view bytes, size_t begin) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  unsigned char lead = byte(begin);
  if (lead < 0x80) return {lead, begin, begin + 1};
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  CodePoint invalid{kInvalid, begin, begin + 1};
  if (lead < 0xC2 || lead > 0xF4 || begin + length > bytes.size()) return invalid;
  char32_t value = lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(begin + i) & 0xC0) != 0x80) return invalid;
    value = value << 6 | (byte(begin + i) & 0x3F);
  }
  bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return invalid;
  return {value, begin, begin + length};
}

size_t code_point_count(std::string_view bytes) {
  size_t count = 0;
  for (size_t at = 0; at < bytes.size(); at = code_point_at(bytes, at).end) ++count;
  return count;
}

std::vector<size_t> code_point_offsets(std::string_view bytes) {
  std::vector<size_t> offsets;
  offsets.reserve(bytes.size() + 1);
  for (size_t at = 0; at < bytes.size(); at = code_point_at(bytes, at).end) offsets.push_back(at);
  offsets.push_back(bytes.size());
  return offsets;
}

bool is_valid_utf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    CodePoint c = code_point_at(bytes, at);
    if (c.value == kInvalid) return false;
    at = c.end;
  }
  return true;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

MarkedText escape_html(Budget& budget, const MarkedText& text) {
  TextBuilder out(budget);
  budget.spend_characters(text.bytes.size());
  size_t done = 0;
  for (size_t i = 0; i < text.bytes.size(); ++i) {
    std::string_view entity;
    switch (text.bytes[i]) {
      case '&':
        entity = "&amp;";
        break;
      case '<':
        entity = "&lt;";
        break;
      case '>':
        entity = "&gt;";
        break;
      case '\'':
        entity = "&#39;";
        break;
      case '"':
        entity = "&#34;";
        break;
      default:
        continue;
    }
    out.append(text, done, i);
    out.append(entity, text.is_untrusted(i));
    done = i + 1;
  }
  out.append(text, done, text.bytes.size());
  MarkedText result = out.take();
  result.markup = true;
  return result;
}

}  // namespace hearth::text::jinja
