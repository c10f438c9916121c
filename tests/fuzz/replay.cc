// Runs a fuzz target on its corpus as an ordinary test: every file as it is, cut short and with bits flipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz_target.h"

namespace {

std::vector<std::filesystem::path> corpus_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(HEARTH_FUZZ_CORPUS))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// From a heap block of exactly the input's size, so that sanitizers see one byte too far.
int run(const std::string& input) {
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  return LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

TEST(Replay, CorpusIsThere) {
  EXPECT_FALSE(corpus_files().empty()) << HEARTH_FUZZ_CORPUS;
}

TEST(Replay, EmptyInput) {
  EXPECT_EQ(run({}), 0);
}

TEST(Replay, CorpusAsItIs) {
  for (const auto& path : corpus_files()) EXPECT_EQ(run(read(path)), 0) << path;
}

TEST(Replay, CorpusCutShort) {
  for (const auto& path : corpus_files()) {
    const std::string input = read(path);
    const size_t step = std::max<size_t>(1, input.size() / 200);
    for (size_t n = 0; n < input.size(); n += step)
      EXPECT_EQ(run(input.substr(0, n)), 0) << path << " cut to " << n;
  }
}

TEST(Replay, CorpusWithBitsFlipped) {
  std::mt19937 random(1);
  for (const auto& path : corpus_files()) {
    const std::string input = read(path);
    if (input.empty()) continue;
    for (int round = 0; round < 200; ++round) {
      std::string flipped = input;
      for (int flips = 1 + round % 4; flips > 0; --flips) {
        flipped[random() % flipped.size()] ^= static_cast<char>(1 << random() % 8);
      }
      EXPECT_EQ(run(flipped), 0) << path << " round " << round;
    }
  }
}

}  // namespace
