// Which syntax is found for each published chat template (text/output/syntax_detection.h).
#include "text/output/syntax_detection.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "golden/chat_template_matrix.h"
#include "support.h"

namespace hearth::text {
namespace {

struct Found {
  std::string_view reasoning;
  CallNotation calls = CallNotation::kNone;
  bool operator==(const Found&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Found& found) {
  static constexpr const char* kNames[] = {"no calls", "tagged JSON", "bare JSON", "Gemma", "DeepSeek"};
  return out << '"' << found.reasoning << "\", " << kNames[static_cast<size_t>(found.calls)];
}

constexpr auto kNone = CallNotation::kNone;
constexpr auto kTagged = CallNotation::kTaggedJson;
constexpr auto kBare = CallNotation::kBareJson;
constexpr auto kGemma = CallNotation::kGemma;
constexpr auto kDeepSeek = CallNotation::kDeepSeek;

// Templates that are not listed have neither. Some have reasoning and a notation for calls that is not known
// here.
const std::map<std::string, Found>& expected() {
  static const std::map<std::string, Found> table = {
      {"Apriel-1.6-15b-Thinker-fixed", {"<thinking>", kNone}},
      {"Bielik-11B-v3.0-Instruct", {"<think>", kTagged}},
      {"ByteDance-Seed-OSS", {"<seed:think>", kNone}},
      {"GLM-4.6", {"<think>", kNone}},
      {"GLM-4.7-Flash", {"<think>", kNone}},
      {"HuggingFaceTB-SmolLM3-3B", {"<think>", kNone}},
      {"Kimi-K2-Thinking", {"<think>", kNone}},
      {"LFM2.5-8B-A1B", {"<think>", kNone}},
      {"LFM2.5-Instruct", {"<think>", kNone}},
      {"MiMo-VL", {"", kTagged}},
      {"MiniMax-M2", {"<think>", kNone}},
      {"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", {"<think>", kNone}},
      {"NVIDIA-Nemotron-Nano-v2", {"<think>", kNone}},
      {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", {"", kTagged}},
      {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", {"", kTagged}},
      {"Qwen-QwQ-32B", {"<think>", kTagged}},
      {"Qwen-Qwen2.5-7B-Instruct", {"", kTagged}},
      {"Qwen-Qwen3-0.6B", {"<think>", kTagged}},
      {"Qwen3.5-4B", {"<think>", kNone}},
      {"Reka-Edge", {"<think>", kTagged}},
      {"Spark2.5", {"<think>", kNone}},
      {"StepFun3.5-Flash", {"<think>", kNone}},
      {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", {"<think>", kDeepSeek}},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", {"<think>", kDeepSeek}},
      {"deepseek-ai-DeepSeek-V3.1", {"<think>", kDeepSeek}},
      {"deepseek-ai-DeepSeek-V3.2", {"<think>", kNone}},
      {"deepseek-ai-DeepSeek-V4", {"<think>", kNone}},
      {"deepseek-ai-DeepSeek-V4-Flash-0731", {"<think>", kNone}},
      {"google-gemma-4-31B-it", {"<|channel>", kGemma}},
      {"google-gemma-4-31B-it-interleaved", {"<|channel>", kGemma}},
      {"ibm-granite-granite-3.3-2B-Instruct", {"<think>", kNone}},
      {"ibm-granite-granite-4.0", {"", kTagged}},
      {"ibm-granite-granite-4.1", {"", kTagged}},
      {"inclusionai-ling-3.0-flash", {"<think>", kNone}},
      {"llama-cpp-deepseek-r1", {"<think>", kDeepSeek}},
      {"llama-cpp-rwkv-world", {"<think>", kNone}},
      {"meta-llama-Llama-3.1-8B-Instruct", {"", kBare}},
      {"meta-llama-Llama-3.2-3B-Instruct", {"", kBare}},
      {"meta-llama-Llama-3.3-70B-Instruct", {"", kBare}},
      {"mistralai-Ministral-3-14B-Reasoning-2512", {"[THINK]", kNone}},
      {"openbmb-MiniCPM5-1B", {"<think>", kNone}},
      {"poolside-Laguna-S-2.1", {"<think>", kNone}},
      {"poolside-Laguna-XS-2.1", {"<think>", kNone}},
      {"poolside-Laguna-XS.2", {"<think>", kNone}},
      {"unsloth-Apriel-1.5", {"<thinking>", kNone}},
  };
  return table;
}

TEST(OutputSyntaxOfTemplates, EveryPublishedTemplate) {
  HEARTH_NEEDS(testing_support::reference_set("templates"));
  size_t n_seen = 0;
  for (const auto& [name, source] : chat_matrix::load().templates) {
    const auto compiled = ChatTemplate::compile(source);
    ASSERT_TRUE(compiled) << name;
    const OutputSyntax syntax = detect_output_syntax(*compiled, source);
    const Found found{syntax.spell(Marker::kReasoningBegin), syntax.calls};
    const auto known = expected().find(name);
    ++n_seen;
    EXPECT_EQ(found, known == expected().end() ? Found{} : known->second) << name;
  }
  EXPECT_GE(n_seen, expected().size());
}

}  // namespace
}  // namespace hearth::text
