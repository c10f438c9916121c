#include "text/utf8.h"

#include <gtest/gtest.h>

namespace hearth::text {
namespace {

TEST(Utf8, DecodesWhatItEncodes) {
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string bytes;
    append_utf8(c, bytes);
    const Utf8Char decoded = decode_utf8(bytes);
    ASSERT_EQ(decoded.state, Utf8State::kValid) << c;
    ASSERT_EQ(decoded.code_point, c);
    ASSERT_EQ(decoded.length, bytes.size());
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      const Utf8Char part = decode_utf8(std::string_view(bytes).substr(0, cut));
      ASSERT_EQ(part.state, Utf8State::kIncomplete) << c;
      ASSERT_EQ(part.length, cut);
    }
  }
}

TEST(Utf8, RefusesWhatIsNoCharacter) {
  for (const std::string_view bytes : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF",  // stray and overlong
                                       "\xE0\x9F\xBF", "\xED\xA0\x80",          // overlong, surrogate
                                       "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    const Utf8Char decoded = decode_utf8(bytes);
    EXPECT_EQ(decoded.state, Utf8State::kInvalid);
    EXPECT_EQ(decoded.length, 1u);
    EXPECT_FALSE(is_valid_utf8(bytes));
  }
  EXPECT_EQ(decode_utf8("\xE2\x82x").length, 2u);  // a good beginning is one error, not two
}

TEST(Utf8, FindsTheValidPrefixAtEveryOffset) {
  for (size_t n = 0; n < 20; ++n) {
    const std::string prefix(n, 'x');
    EXPECT_EQ(valid_utf8_prefix(prefix), n);
    EXPECT_EQ(valid_utf8_prefix(prefix + "\xFFyyyyyyyyyyyy"), n);
    EXPECT_EQ(valid_utf8_prefix(prefix + "é\xC3"), n + 2);
  }
}

TEST(Utf8, ReplacesInvalidParts) {
  EXPECT_EQ(to_valid_utf8("a\xFF\xC3z\xE2\x82"), "a\uFFFD\uFFFDz\uFFFD");
  EXPECT_EQ(to_valid_utf8(""), "");
}

}  // namespace
}  // namespace hearth::text
