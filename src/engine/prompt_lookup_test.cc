#include "engine/prompt_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/random.h"

namespace hearth::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Tokens = std::vector<int32_t>;

Tokens draft(const Tokens& text, int64_t n) {
  PromptLookup lookup;
  const auto match = lookup.find(text);
  return match.length == 0 ? Tokens{} : PromptLookup::draft(text, match, n);
}

TEST(PromptLookupTest, GoesOnAsItDidBefore) {
  EXPECT_THAT(draft({1, 2, 3, 4, 5, 6, 9, 1, 2, 3}, 3), ElementsAre(4, 5, 6));
}

TEST(PromptLookupTest, NothingToSayAboutNewText) {
  EXPECT_THAT(draft({}, 3), IsEmpty());
  EXPECT_THAT(draft({1}, 3), IsEmpty());
  EXPECT_THAT(draft({0, 0}, 3), IsEmpty());
  EXPECT_THAT(draft({1, 2, 3, 4, 5}, 3), IsEmpty());
  EXPECT_THAT(draft({1, 2, 3, 4, 5, 3}, 3), IsEmpty());  // one token is not enough
}

TEST(PromptLookupTest, TheLongestMatchWinsThenTheLatest) {
  // After 1 2 3 4 came 5; after the later 3 4 came 6.
  EXPECT_THAT(draft({1, 2, 3, 4, 5, 9, 3, 4, 6, 8, 1, 2, 3, 4}, 1), ElementsAre(5));
  EXPECT_THAT(draft({3, 4, 5, 3, 4, 6, 9, 3, 4}, 1), ElementsAre(6));
}

TEST(PromptLookupTest, ATextThatRepeatsItselfIsContinuedPastItsEnd) {
  EXPECT_THAT(draft({7, 7, 7}, 5), ElementsAre(7, 7, 7, 7, 7));
  EXPECT_THAT(draft({1, 2, 3, 1, 2, 3, 1, 2}, 7), ElementsAre(3, 1, 2, 3, 1, 2, 3));
}

TEST(PromptLookupTest, MeasuresTheMatch) {
  PromptLookup lookup;
  EXPECT_EQ(lookup.find(Tokens{1, 2, 3, 9, 2, 3}).length, 2);
  PromptLookup longer;
  EXPECT_EQ(longer.find(Tokens{1, 2, 3, 4, 5, 6, 0, 2, 3, 4, 5, 6}).length, 5);
  PromptLookup longest;
  EXPECT_EQ(longest.find(Tokens(100, 5)).length, PromptLookup::kLongestMatch);
}

// A growing text, looked up at every length, against a search of the whole text.
TEST(PromptLookupTest, FindsAlmostAllThereIsToFind) {
  Random random(1);
  PromptLookup lookup;
  Tokens text;
  int64_t n_there = 0, n_found = 0;
  for (int i = 0; i < 3000; ++i) {
    const bool copies = text.size() > 100 && i / 50 % 2 == 1;
    text.push_back(copies ? text[text.size() - 97] : static_cast<int32_t>(random.next() % 1000));
    const auto match = lookup.find(text);
    const auto length_at = [&](size_t position) {
      int64_t length = 0;
      while (length < PromptLookup::kLongestMatch && static_cast<size_t>(length) < position &&
             text[position - 1 - static_cast<size_t>(length)] ==
                 text[text.size() - 1 - static_cast<size_t>(length)]) {
        ++length;
      }
      return length;
    };
    if (match.length > 0) {
      ASSERT_EQ(match.length, length_at(static_cast<size_t>(match.position)));
    }
    int64_t best = 0;
    for (size_t position = 1; position < text.size(); ++position) best = std::max(best, length_at(position));
    if (best < 4) continue;
    ++n_there;
    n_found += match.length >= 4;
  }
  EXPECT_GT(n_there, 1000);
  EXPECT_GT(n_found, n_there * 97 / 100);
}

}  // namespace
}  // namespace hearth::engine
