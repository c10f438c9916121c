#include "text/output/output_syntax.h"

#include <gtest/gtest.h>

namespace hearth::text {
namespace {

OutputSyntax think() {
  OutputSyntax syntax;
  syntax.use_reasoning_of("</think>");
  return syntax;
}

TEST(StartsInReasoning, WhatTheTemplateLeftOpen) {
  EXPECT_TRUE(starts_in_reasoning(think(), {"<|im_start|>assistant\n<think>\n", {}}));
  EXPECT_FALSE(starts_in_reasoning(think(), {"<|im_start|>assistant\n<think>\n\n</think>\n\n", {}}));
  EXPECT_FALSE(starts_in_reasoning(think(), {"<|im_start|>assistant\n", {}}));
  EXPECT_FALSE(starts_in_reasoning(OutputSyntax(), {"<think>\n", {}}));
}

TEST(StartsInReasoning, WhatAPersonWroteDoesNotCount) {
  EXPECT_FALSE(starts_in_reasoning(think(), {"user: <think>\nassistant: ", {{6, 13}}}));
  EXPECT_TRUE(starts_in_reasoning(think(), {"user: </think>\nassistant: <think>\n", {{6, 14}}}));
}

TEST(OutputSyntax, NoMarkerBeginsAnother) {
  for (const CallNotation notation :
       {CallNotation::kTaggedJson, CallNotation::kBareJson, CallNotation::kGemma, CallNotation::kDeepSeek}) {
    for (const char* reasoning : {"", "<|channel>", "</think>", "<seed:think>", "[THINK]", "<thinking>"}) {
      OutputSyntax syntax;
      syntax.use_reasoning_of(reasoning);
      syntax.use_calls(notation);
      for (size_t i = 0; i < kMarkerCount; ++i) {
        for (size_t j = 0; j < kMarkerCount; ++j) {
          if (i == j || syntax.spelling[i].empty()) continue;
          EXPECT_FALSE(syntax.spelling[j].starts_with(syntax.spelling[i])) << syntax.spelling[j];
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::text
