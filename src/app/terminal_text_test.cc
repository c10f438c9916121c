#include "app/terminal_text.h"

#include <gtest/gtest.h>

namespace hearth::app {
namespace {

TEST(VisibleText, LeavesTextAlone) {
  EXPECT_EQ(visible_text("a\tb\nGrüße 🎈"), "a\tb\nGrüße 🎈");
}

TEST(VisibleText, TakesThePowerFromControlCharacters) {
  EXPECT_EQ(visible_text("\x1b[31mred\x07"), "␛[31mred␇");
  EXPECT_EQ(visible_text("over\rwritten\x7f"), "over␍written␡");
  EXPECT_EQ(visible_text("\xc2\x9b"
                         "31m"),
            "\xef\xbf\xbd"
            "31m");
  EXPECT_EQ(visible_text(std::string_view("\0", 1)), "␀");
}

TEST(VisibleText, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(visible_text("a\xff"), "a\xef\xbf\xbd");
}

TEST(VisibleLine, HasOneLine) {
  EXPECT_EQ(visible_line("a\nb\tc"), "a␊b␉c");
}

TEST(HumanNumbers, HaveThreeDigits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(4'700'000'000), "4.70 GB");
  EXPECT_EQ(human_bytes(123'456'789), "123 MB");
  EXPECT_EQ(human_count(7'241'732'096), "7.24B");
  EXPECT_EQ(human_count(292'800), "293k");
  EXPECT_EQ(human_duration(8), "8 s");
  EXPECT_EQ(human_duration(125), "2 min 5 s");
  EXPECT_EQ(human_duration(7260), "2 h 1 min");
}

}  // namespace
}  // namespace hearth::app
