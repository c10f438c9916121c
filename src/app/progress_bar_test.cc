#include "app/progress_bar.h"

#include <gtest/gtest.h>

namespace hearth::app {
namespace {

TEST(ProgressLine, ShowsShareRateAndRest) {
  EXPECT_EQ(progress_line("loading", 2'000'000'000, 8'000'000'000, 2),
            "loading   25 %  [#####               ]  2.00 GB of 8.00 GB  1.00 GB/s  6 s left");
}

TEST(ProgressLine, CountsNoSpeedForWhatWasThereBefore) {
  EXPECT_EQ(progress_line("pull", 2'000'000'000, 4'000'000'000, 2, 1'000'000'000),
            "pull   50 %  [##########          ]  2.00 GB of 4.00 GB  500 MB/s  4 s left");
  EXPECT_EQ(progress_line("pull", 2'000'000'000, 4'000'000'000, 2, 2'000'000'000),
            "pull   50 %  [##########          ]  2.00 GB of 4.00 GB");
}

TEST(ProgressLine, SurvivesOddTotals) {
  EXPECT_EQ(progress_line("x", 0, 0, 0), "x    0 %  [                    ]  0 B of 0 B");
  EXPECT_NE(progress_line("x", 20, 10, 1).find("100 %"), std::string::npos);
}

TEST(ProgressBar, WritesNothingToAFileOrBeforeASecond) {
  std::FILE* stream = std::tmpfile();
  ASSERT_NE(stream, nullptr);
  {
    ProgressBar quick("x", stream, true);
    quick.update(1, 2);
    ProgressBar to_file("x", stream, false);
    to_file.update(1, 2);
  }
  EXPECT_EQ(std::ftell(stream), 0);
  std::fclose(stream);
}

}  // namespace
}  // namespace hearth::app
