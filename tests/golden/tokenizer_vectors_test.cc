// Token ids of the published test vectors: every vocabulary of the reference set against its .inp and .out
// files (tests/reference_set/fetch brings them). Cases in .inp are separated by a marker line and taken byte
// for byte; .out has a line of ids for each, without BOS or EOS and with control tokens as plain text.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "gguf/model_file.h"
#include "serving/vocabulary_loader.h"
#include "support.h"
#include "text/tokenizer.h"

namespace hearth {
namespace {

struct Case {
  std::string text;
  std::vector<text::TokenId> ids;
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Case> read_cases(const std::filesystem::path& vocabulary) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  std::vector<Case> cases;
  const std::string input = read_file(vocabulary.string() + ".inp");
  for (size_t begin = 0; begin < input.size();) {
    const size_t end = std::min(input.find(kSeparator, begin), input.size());
    cases.push_back({input.substr(begin, end - begin), {}});
    begin = end + kSeparator.size();
  }
  std::istringstream output(read_file(vocabulary.string() + ".out"));
  std::string line;
  size_t i = 0;
  for (; std::getline(output, line); ++i) {
    if (i == cases.size()) {
      ADD_FAILURE() << "more lines of ids than cases";
      return cases;
    }
    std::istringstream ids(line);
    for (text::TokenId id; ids >> id;) cases[i].ids.push_back(id);
  }
  EXPECT_EQ(i, cases.size());
  return cases;
}

class TokenizerVectors : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerVectors, TextBecomesThePublishedIds) {
  const auto path = testing_support::reference_set("vocabularies/ggml-vocab-" + GetParam() + ".gguf");
  HEARTH_NEEDS(path);
  auto file = gguf::ModelFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  auto spec = serving::read_vocabulary(*file);
  ASSERT_TRUE(spec) << spec.error().message;
  auto tokenizer = text::Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;

  const auto cases = read_cases(path);
  ASSERT_GE(cases.size(), 46u);
  for (const Case& c : cases)
    EXPECT_EQ((*tokenizer)->encode(c.text), c.ids) << testing::PrintToString(c.text);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerVectors,
                         testing::Values("gemma-4", "llama-bpe", "llama-spm", "qwen2", "qwen35", "bert-bge",
                                         "phi-3", "gpt-2", "falcon", "mpt", "starcoder", "refact",
                                         "command-r", "deepseek-llm", "deepseek-coder"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth
