#include "api/token_lists.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

Parsed<std::vector<TextOrTokens>> read(std::string_view body, size_t max_items = 8) {
  return read_texts(Json::parse(body), "input", max_items);
}

std::string refused(std::string_view body, size_t max_items = 8) {
  const auto texts = read(body, max_items);
  return texts ? "accepted" : texts.error().param;
}

TEST(TokenLists, ReadsAllForms) {
  EXPECT_EQ(*read(R"({"input":"a"})"), (std::vector<TextOrTokens>{"a"}));
  EXPECT_EQ(*read(R"({"input":["a","b"]})"), (std::vector<TextOrTokens>{"a", "b"}));
  EXPECT_EQ(*read(R"({"input":[1,2,3]})"), (std::vector<TextOrTokens>{TokenIds{1, 2, 3}}));
  EXPECT_EQ(*read(R"({"input":[[1,2],"b",[3]]})"),
            (std::vector<TextOrTokens>{TokenIds{1, 2}, "b", TokenIds{3}}));
  // More ids than there may be texts.
  EXPECT_EQ(read(R"({"input":[1,2,3,4,5,6,7,8,9]})")->size(), 1U);
}

TEST(TokenLists, NamesWhatIsWrong) {
  EXPECT_EQ(refused(R"({})"), "input");
  EXPECT_EQ(refused(R"({"input":null})"), "input");
  EXPECT_EQ(refused(R"({"input":[]})"), "input");
  EXPECT_EQ(refused(R"({"input":5})"), "input");
  EXPECT_EQ(refused(R"({"input":{"a":1}})"), "input");
  EXPECT_EQ(refused(R"({"input":["a",null]})"), "input[1]");
  EXPECT_EQ(refused(R"({"input":["a",[]]})"), "input[1]");
  EXPECT_EQ(refused(R"({"input":[[1,-2]]})"), "input[0]");
  EXPECT_EQ(refused(R"({"input":[1,2.5]})"), "input[0]");
  EXPECT_EQ(refused(R"({"input":[1,99999999999]})"), "input[0]");
  EXPECT_EQ(refused(R"({"input":["a","b","c"]})", 2), "input");
}

}  // namespace
}  // namespace hearth::api
