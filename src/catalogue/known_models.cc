#include "catalogue/known_models.h"

namespace hearth::catalogue {
namespace {

constexpr std::string_view kCommon[] = {"Q4_K_M", "Q8_0"};
constexpr std::string_view kSmall[] = {"Q8_0", "Q4_K_M"};
constexpr std::string_view kVectors[] = {"Q8_0", "F16"};

// clang-format off
constexpr KnownModel kModels[] = {
    {"Gemma 4 E2B", "gemma4-e2b", kCommon, {50, 42, 52, 0}},
    {"Gemma 4 E4B", "gemma4-e4b", kCommon, {60, 52, 60, 0}},
    {"Gemma 4 12B", "gemma4-12b", kCommon, {76, 68, 76, 0}},
    {"Gemma 4 26B-A4B", "gemma4-26b-a4b", kCommon, {80, 76, 80, 0}},
    {"Gemma 4 31B", "gemma4-31b", kCommon, {90, 86, 90, 0}},
    {"Llama 3.2 1B", "llama-3.2-1b", kCommon, {30, 18, 32, 0}},
    {"Llama 3.2 3B", "llama-3.2-3b", kCommon, {42, 30, 44, 0}},
    {"Llama 3.1 8B", "llama-3.1-8b", kCommon, {58, 44, 60, 0}},
    {"Llama 3.3 70B", "llama-3.3-70b", kCommon, {82, 72, 82, 0}},
    {"DeepSeek-R1 Distill Qwen 1.5B", "qwen2-1.5b", kCommon, {24, 40, 22, 0}},
    {"DeepSeek-R1 Distill Qwen 7B", "qwen2-7b", kCommon, {44, 62, 42, 0}},
    {"DeepSeek-R1 Distill Llama 8B", "llama-3.1-8b", kCommon, {48, 60, 48, 0}},
    {"DeepSeek-R1 Distill Qwen 14B", "qwen2-14b", kCommon, {58, 74, 58, 0}},
    {"DeepSeek-R1 Distill Qwen 32B", "qwen2-32b", kCommon, {66, 84, 66, 0}},
    {"DeepSeek-R1 Distill Llama 70B", "llama-3.3-70b", kCommon, {72, 85, 70, 0}},
    {"Qwen3 0.6B", "qwen3-0.6b", kSmall, {26, 24, 24, 0}},
    {"Qwen3 1.7B", "qwen3-1.7b", kCommon, {38, 40, 34, 0}},
    {"Qwen3 4B", "qwen3-4b", kCommon, {54, 58, 48, 0}},
    {"Qwen3 8B", "qwen3-8b", kCommon, {64, 68, 54, 0}},
    {"Qwen3 14B", "qwen3-14b", kCommon, {72, 76, 62, 0}},
    {"Qwen3 32B", "qwen3-32b", kCommon, {80, 84, 68, 0}},
    {"Qwen3 30B-A3B", "qwen3-30b-a3b", kCommon, {74, 80, 66, 0}},
    {"EmbeddingGemma 300M", "embeddinggemma-300m", kVectors, {0, 0, 0, 90}},
    {"nomic-embed-text v1.5", "nomic-embed-v1.5", kVectors, {0, 0, 0, 70}},
    {"BGE base en v1.5", "bge-base-en-v1.5", kVectors, {0, 0, 0, 68}},
    {"BGE large en v1.5", "bge-large-en-v1.5", kVectors, {0, 0, 0, 74}},
    {"all-MiniLM-L6", "minilm-l6", kVectors, {0, 0, 0, 50}},
};
// clang-format on

}  // namespace

std::span<const KnownModel> known_models() {
  return kModels;
}

}  // namespace hearth::catalogue
