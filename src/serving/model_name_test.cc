#include "serving/model_name.h"

#include <gtest/gtest.h>

namespace hearth::serving {
namespace {

TEST(ModelName, IgnoresCaseAndTheDefaultTag) {
  EXPECT_TRUE(same_model_name("Llama3", "llama3"));
  EXPECT_TRUE(same_model_name("llama3", "llama3:latest"));
  EXPECT_TRUE(same_model_name("llama3:LATEST", "LLAMA3"));
  EXPECT_TRUE(same_model_name("user/m:q4", "user/M:Q4"));
  EXPECT_FALSE(same_model_name("llama3", "llama3:8b"));
  EXPECT_FALSE(same_model_name("llama3:latest", "llama3:8b"));
  EXPECT_FALSE(same_model_name("llama", "llama3"));
  EXPECT_FALSE(same_model_name("", ":latest"));
}

}  // namespace
}  // namespace hearth::serving
