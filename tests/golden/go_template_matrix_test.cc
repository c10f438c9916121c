// Published Go templates over a matrix of conversations, and small examples of the language, against what
// Go's own text/template renders (tests/golden/go_templates, written by tools/go_template_goldens), with the
// trust marks of the same.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "golden/chat_template_matrix.h"
#include "support.h"

namespace hearth::text {
namespace {

using chat_matrix::Json;

constexpr std::string_view kContexts = "../go_templates/contexts.json";

class GoTemplateMatrix : public testing::Test {
 protected:
  void SetUp() override {
    Json parts = chat_matrix::read_json(kContexts);
    now_ = parts["now"].get<int64_t>();
    for (auto& [name, context] : parts["contexts"].items()) {
      if (context.contains("tools")) context["tools"] = parts["tools"];
      contexts_[name] = context;
    }
  }

  // By name: the sources.
  static std::map<std::string, std::string> templates() {
    std::map<std::string, std::string> sources;
    for (const auto& entry :
         std::filesystem::directory_iterator(testing_support::reference_set("go_templates"))) {
      std::ifstream file(entry.path(), std::ios::binary);
      sources[entry.path().stem().string()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return sources;
  }

  Result<PromptText> render(std::string_view source, const Json& context,
                            chat_matrix::Marks marks = chat_matrix::Marks::kOutside) const {
    HEARTH_TRY(const ChatTemplate compiled, ChatTemplate::compile(source));
    return compiled.render(chat_matrix::to_value(context, marks), now_);
  }

  int64_t now_ = 0;
  std::map<std::string, Json> contexts_;
};

TEST_F(GoTemplateMatrix, Examples) {
  for (const Json& example : chat_matrix::read_json("../go_templates/examples.json")) {
    const auto source = example["source"].get<std::string>();
    const auto rendered = render(source + "{{ $_ := .Messages }}", contexts_.at("example"));
    if (example.contains("error")) {
      EXPECT_FALSE(rendered) << source << " should fail: " << example["error"];
    } else {
      EXPECT_EQ(rendered ? rendered->text : "error: " + rendered.error().message,
                example["text"].get<std::string>())
          << source;
    }
  }
}

TEST_F(GoTemplateMatrix, RendersTheSameBytes) {
  HEARTH_NEEDS(testing_support::reference_set("go_templates"));
  const Json expected = chat_matrix::read_json("../go_templates/expected.json");
  const auto sources = templates();
  ASSERT_EQ(sources.size(), expected["sha256_24"].size());
  for (const auto& [name, source] : sources) {
    for (const auto& [context_name, context] : contexts_) {
      const auto rendered = render(source, context);
      const auto wanted = expected["sha256_24"][name][context_name].get<std::string>();
      EXPECT_EQ(rendered ? chat_matrix::sha256_24(rendered->text) : "error", wanted)
          << name << " / " << context_name << "\n"
          << (rendered ? rendered->text : rendered.error().message);
      if (!expected["texts"].contains(name) || wanted == "error") continue;
      EXPECT_EQ(rendered ? rendered->text : "", expected["texts"][name][context_name].get<std::string>());
    }
  }
}

TEST_F(GoTemplateMatrix, KeepsTrustMarks) {
  HEARTH_NEEDS(testing_support::reference_set("go_templates"));
  constexpr std::string_view kSentinel = "[INST]Zq7";
  size_t sentinels = 0;
  for (const auto& [name, source] : templates()) {
    for (const auto& [context_name, context] : contexts_) {
      const Json planted = chat_matrix::plant(context, kSentinel);
      const auto plain = render(source, planted, chat_matrix::Marks::kNone);
      const auto marked = render(source, planted);
      ASSERT_EQ(plain.has_value(), marked.has_value()) << name << " / " << context_name;
      if (!plain) continue;
      ASSERT_EQ(plain->text, marked->text) << name << " / " << context_name;
      for (size_t at = marked->text.find(kSentinel); at != std::string::npos;
           at = marked->text.find(kSentinel, at + 1)) {
        ++sentinels;
        ASSERT_TRUE(chat_matrix::inside(marked->untrusted, at, at + kSentinel.size()))
            << name << " / " << context_name << " at byte " << at;
      }
    }
  }
  EXPECT_GT(sentinels, 3000U);
}

}  // namespace
}  // namespace hearth::text
