#include "app/chat/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ChatParameters, SetsListsAndTakesBack) {
  ChatParameters parameters;
  EXPECT_TRUE(set_parameter(parameters, "temperature", "0.5"));
  EXPECT_TRUE(set_parameter(parameters, "num_predict", "10"));
  EXPECT_TRUE(set_parameter(parameters, "repeat_penalty", "1.1"));
  EXPECT_TRUE(set_parameter(parameters, "stop", "END"));
  EXPECT_THAT(list_parameters(parameters),
              ElementsAre(Pair("temperature", "0.5"), Pair("repetition_penalty", "1.1"),
                          Pair("max_tokens", "10"), Pair("stop", "END")));
  EXPECT_TRUE(set_parameter(parameters, "temperature", "default"));
  EXPECT_TRUE(set_parameter(parameters, "stop", "default"));
  EXPECT_FALSE(parameters.sampling.temperature.has_value());
  EXPECT_TRUE(parameters.stop.empty());
}

TEST(ChatParameters, RefusesAndKeepsWhatWas) {
  ChatParameters parameters;
  ASSERT_TRUE(set_parameter(parameters, "top_p", "0.5"));
  const std::pair<const char*, const char*> bad[] = {
      {"top_p", "2"},
      {"top_p", "nan"},
      {"top_p", "x"},
      {"top_p", ""},
      {"top_p", "0.5 "},
      {"temperature", "-1"},
      {"temperature", "1e308"},
      {"top_k", "1.5"},
      {"top_k", "-1"},
      {"seed", "-1"},
      {"seed", "18446744073709551616"},
      {"max_tokens", "0"},
      {"max_tokens", "-1"},
  };
  for (const auto& [name, value] : bad) {
    const Status set = set_parameter(parameters, name, value);
    ASSERT_FALSE(set) << name << " " << value;
    EXPECT_THAT(set.error().message, HasSubstr(name));
  }
  EXPECT_THAT(list_parameters(parameters), ElementsAre(Pair("top_p", "0.5")));
  EXPECT_THAT(set_parameter(parameters, "temprature", "1").error().message,
              HasSubstr("\"temprature\" is not a parameter; there are temperature, "));
}

}  // namespace
}  // namespace hearth::app
