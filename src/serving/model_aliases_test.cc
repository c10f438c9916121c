#include "serving/model_aliases.h"

#include <gtest/gtest.h>

#include "serving/model_choice.h"

namespace hearth::serving {
namespace {

std::vector<ModelSummary> served(const std::vector<std::string>& names) {
  std::vector<ModelSummary> models;
  for (const std::string& name : names) models.emplace_back().name = name;
  return models;
}

ModelAliases aliases_of(std::vector<ModelAlias> aliases) {
  return ModelAliases(std::move(aliases));
}

TEST(ModelAliases, TheClosestNameWins) {
  const ModelAliases aliases =
      aliases_of({{"gpt-*", "small"}, {"gpt-4*", "large"}, {"gpt-4o-mini", "small"}, {"*-embed*", "e"}});
  const auto models = served({"small", "large", "gpt-4"});
  EXPECT_EQ(aliases.resolve("small", models), "small");
  EXPECT_EQ(aliases.resolve("gpt-3.5", models), "small");
  EXPECT_EQ(aliases.resolve("gpt-4o", models), "large");
  EXPECT_EQ(aliases.resolve("gpt-4o-mini", models), "small");
  EXPECT_EQ(aliases.resolve("gpt-4", models), "gpt-4");  // is served
  EXPECT_EQ(aliases.resolve("text-embed-3", models), "e");
  EXPECT_EQ(aliases.resolve("embed", models), "embed");
  EXPECT_EQ(aliases.resolve("other", models), "other");
}

TEST(ModelAliases, PatternsFitWholeNames) {
  const auto means = [](const char* pattern, const char* name) {
    return aliases_of({{pattern, "yes"}}).resolve(name, {}) == "yes";
  };
  EXPECT_TRUE(means("*", "anything"));
  EXPECT_TRUE(means("a*b*c", "a1b2b3c"));
  EXPECT_TRUE(means("a**c", "ac"));
  EXPECT_FALSE(means("a*b*c", "a1c"));
  EXPECT_FALSE(means("ab*ba", "aba"));
  EXPECT_FALSE(means("a*", "ba"));
  EXPECT_FALSE(means("*a", "ab"));
  EXPECT_FALSE(means("a", "A"));
}

TEST(ModelAliases, AgentsFindTheOnlyModel) {
  EXPECT_EQ(ModelAliases().resolve("claude-haiku-4-5", served({"qwen3:8b"})), "qwen3:8b");
  EXPECT_EQ(ModelAliases().resolve("claude-haiku-4-5", served({"a", "b"})), "claude-haiku-4-5");
  EXPECT_EQ(ModelAliases().resolve("gpt-4o", served({"qwen3:8b"})), "gpt-4o");
  const ModelAliases aliases = aliases_of({{"claude-*", "other"}});
  EXPECT_EQ(aliases.resolve("claude-haiku-4-5", served({"qwen3:8b"})), "other");
}

TEST(ModelChoice, TheBuiltInModelIsForThoseWhoHaveNoOther) {
  std::vector<ModelSummary> models = served({"hearth-helper", "qwen3:8b"});
  models[0].built_in = true;
  const auto chosen = models_to_choose_from(models);
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_EQ(chosen[0].name, "qwen3:8b");
  models.pop_back();
  EXPECT_EQ(models_to_choose_from(models).size(), 1u);
  EXPECT_TRUE(models_to_choose_from({}).empty());
}

}  // namespace
}  // namespace hearth::serving
