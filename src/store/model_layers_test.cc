#include "store/model_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace hearth::store {
namespace {

using Parameters = std::vector<Modelfile::Parameter>;

std::string text_of(const Parameters& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters) text += name + "=" + value + ";";
  return text;
}

std::string read(std::string_view json) {
  const auto parameters = parameters_from_json(json);
  return parameters ? text_of(*parameters) : parameters.error().message;
}

TEST(ModelLayers, ParametersAsJson) {
  EXPECT_EQ(
      read(R"({"temperature": 0.6, "num_ctx": 4096.0, "stop": ["a", "b"], "use_mmap": true, "top_k": 40})"),
      "temperature=0.6;num_ctx=4096;stop=a;stop=b;use_mmap=true;top_k=40;");
  EXPECT_EQ(read(R"({"stop": "one", "mirostat": 1, "seed": null})"), "stop=one;");
  EXPECT_EQ(read(R"({"speed": 1})"), "there is no parameter \"speed\"");
  EXPECT_EQ(read(R"({"top_k": 1.5})"), "the parameter top_k must be a whole number");
  EXPECT_EQ(read(R"({"top_k": 1e300})"), "the parameter top_k must be a whole number");
  EXPECT_EQ(read(R"({"top_p": "0.5"})"), "the parameter top_p must be a number");
  EXPECT_EQ(read(R"({"stop": [1]})"), "the parameter stop must be a string, or a list of strings");
  EXPECT_EQ(read("[]"), "the parameters are not a JSON object");
  EXPECT_EQ(parameters_to_json(
                {{"stop", "a"}, {"temperature", "0.6"}, {"stop", "b"}, {"top_k", "40"}, {"min_p", "5e-2"}}),
            R"({"stop":["a","b"],"temperature":0.6,"top_k":40,"min_p":0.05})");
}

TEST(ModelLayers, ChangesReplaceAndKeepTheRest) {
  ModelOverrides base;
  base.template_text = "{{ .Prompt }}";
  base.system = "old";
  base.parameters = {{"stop", "a"}, {"stop", "b"}, {"top_k", "1"}};
  base.messages = {{"user", "hi"}};
  base.licenses = {"MIT"};
  Modelfile changes;
  changes.system = "new";
  changes.parameters = {{"stop", "c"}};
  changes.licenses = {"MIT", "more"};
  const ModelOverrides both = merged(base, changes);
  EXPECT_EQ(both.template_text, "{{ .Prompt }}");
  EXPECT_EQ(both.system, "new");
  EXPECT_EQ(text_of(both.parameters), "top_k=1;stop=c;");
  EXPECT_EQ(both.messages.size(), 1U);
  EXPECT_EQ(both.licenses, (std::vector<std::string>{"MIT", "more"}));
}

// What is written as layers, ModelStore reads; what it reads, a Modelfile can say.
TEST(ModelLayers, RoundTrip) {
  std::string root = (std::filesystem::temp_directory_path() / "hearth-layers-XXXXXX").string();
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  {
    ModelStore models(root);
    ModelOverrides overrides;
    overrides.template_text = "{{ .System }}\n{{ .Prompt }}";
    overrides.system = "You are \"terse\".";
    overrides.parameters = {{"temperature", "0.6"}, {"stop", "<|x|>"}, {"stop", " y"}};
    overrides.messages = {{"user", "Is it warm?"}, {"assistant", "No.\n"}};
    overrides.licenses = {"MIT", "Apache"};
    auto layers = add_layers(models.blobs(), overrides);
    ASSERT_TRUE(layers) << layers.error().message;
    const auto config = add_config(models.blobs(), {"llama", 260'032, "F32"}, *layers);
    ASSERT_TRUE(config);
    EXPECT_THAT(*models.blobs().read(*config, 4096),
                ::testing::StartsWith(
                    R"({"model_format":"gguf","model_family":"llama","model_families":["llama"],)"));
    StoredModel stored;
    stored.source = root;
    stored.manifest = Manifest{*config, *layers};
    const auto again = models.overrides(stored);
    ASSERT_TRUE(again) << again.error().message;
    const auto written = write_modelfile(modelfile_of(*again, "base"));
    ASSERT_TRUE(written) << written.error().message;
    const auto parsed = parse_modelfile(*written);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->from, std::vector<std::string>{"base"});
    EXPECT_EQ(parsed->template_text, overrides.template_text);
    EXPECT_EQ(parsed->system, overrides.system);
    EXPECT_EQ(text_of(parsed->parameters), "stop=<|x|>;stop= y;temperature=0.6;");
    EXPECT_EQ(parsed->messages.at(1).content, "No.\n");
    EXPECT_EQ(parsed->licenses, overrides.licenses);
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace hearth::store
