// Time to say which tokens may come next, for answers under several grammars over a published vocabulary:
//   bench_grammar_masks build/reference-set/vocabularies/ggml-vocab-gemma-4.gguf
// Each answer is followed twice: with nothing remembered, and again by another request for the same format.
#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <vector>

#include "gguf/model_file.h"
#include "serving/vocabulary_loader.h"
#include "text/grammar/grammar_matcher.h"
#include "text/grammar/json_schema.h"

namespace hearth {
namespace {

using text::grammar::Grammar;
using text::grammar::GrammarMatcher;
using text::grammar::TokenGrammar;
using text::grammar::TokenVocabulary;

// Of this thread's own work, so that other programs do not count.
double microseconds_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Case {
  std::string name;
  Result<std::shared_ptr<const Grammar>> grammar;
  std::string answer;
};

std::string repeated(const std::string& item, int n) {
  std::string out = "[" + item;
  for (int i = 1; i < n; ++i) out += ", " + item;
  return out + "]";
}

std::vector<Case> cases() {
  using text::grammar::json_schema_grammar;
  const std::string prose =
      "It was a bright cold day in April, and the clocks were striking thirteen. Größe, 東京 and 🙂 "
      "too. ";
  std::string long_text;
  for (int i = 0; i < 20; ++i) long_text += prose;
  const std::string person =
      R"({"name": "Ada Lovelace", "born": "1815-12-10", "score": 12.75, "tags": ["maths", "engines"], "note": "first\nof them"})";
  const char* person_schema =
      R"({"type":"object","properties":{"name":{"type":"string","maxLength":80},"born":{"type":"string","format":"date"},
          "score":{"type":"number","minimum":0,"maximum":100},"tags":{"type":"array","items":{"type":"string","pattern":"^[a-z]{1,20}$"}},
          "note":{"type":"string"}},"required":["name","born","score","tags"]})";
  return {
      {"any JSON object", text::grammar::json_object_grammar(), "{\"people\": " + repeated(person, 10) + "}"},
      {"schema, array of objects",
       json_schema_grammar(fmt::format(R"({{"type":"array","items":{}}})", person_schema)),
       repeated(person, 10)},
      {"string", json_schema_grammar(R"({"type":"string"})"), "\"" + long_text + "\""},
      {"string of up to 10,000 characters", json_schema_grammar(R"({"type":"string","maxLength":10000})"),
       "\"" + long_text + "\""},
      {"string that just fits",
       json_schema_grammar(fmt::format(R"({{"type":"string","maxLength":{}}})", 20 * 96)),
       "\"" + long_text + "\""},
      {"GBNF, any text", Grammar::from_gbnf("root ::= .*"), long_text},
      {"GBNF, lower-case words",
       Grammar::from_gbnf("root ::= word (\" \" word)* \".\"\nword ::= [a-z]{1,20}"),
       "the quick brown fox jumps over the lazy dog and goes on to see what else there is in the wide "
       "world."},
  };
}

// Microseconds per token: allowed() and accept().
std::vector<double> follow(const std::shared_ptr<TokenGrammar>& grammar,
                           const std::vector<text::TokenId>& answer) {
  GrammarMatcher matcher(grammar);
  std::vector<double> times;
  for (const text::TokenId token : answer) {
    const double start = microseconds_now();
    const auto mask = matcher.allowed();
    const auto status = matcher.accept(token);
    times.push_back(microseconds_now() - start);
    if (!mask || !status) {
      fmt::print("token {}: {}\n", times.size() - 1, mask ? status.error().message : mask.error().message);
      break;
    }
  }
  return times;
}

void report(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  double sum = 0;
  for (const double time : times) sum += time;
  const auto n = times.size();
  fmt::print("  {}: mean {:.2f}, median {:.2f}, 99 % {:.2f}, worst {:.1f} us/token over {} tokens\n", what,
             sum / static_cast<double>(n), times[n / 2], times[n * 99 / 100], times.back(), n);
}

int run(const char* path) {
  auto file = gguf::ModelFile::open(path);
  if (!file) return fmt::print("{}\n", file.error().message), 1;
  auto spec = serving::read_vocabulary(*file);
  if (!spec) return fmt::print("{}\n", spec.error().message), 1;
  const auto tokenizer = text::Tokenizer::create(std::move(*spec));
  if (!tokenizer) return fmt::print("{}\n", tokenizer.error().message), 1;
  const double start = microseconds_now();
  const auto vocabulary = std::make_shared<TokenVocabulary>(**tokenizer);
  fmt::print("{} tokens, {} nodes ({} of them not plain), {:.1f} MB, sorted in {:.0f} ms\n",
             vocabulary->size(), vocabulary->all().nodes().size(), vocabulary->not_plain().nodes().size(),
             static_cast<double>(vocabulary->bytes()) / 1e6, (microseconds_now() - start) / 1e3);
  for (const Case& one : cases()) {
    if (!one.grammar) return fmt::print("{}: {}\n", one.name, one.grammar.error().message), 1;
    const auto bound = TokenGrammar::create(*one.grammar, vocabulary);
    const auto answer = (*tokenizer)->encode(one.answer);
    fmt::print("{}\n", one.name);
    report("first", follow(*bound, answer));
    report("again", follow(*bound, answer));
    fmt::print("  {:.1f} MB remembered\n", static_cast<double>((*bound)->cache_bytes()) / 1e6);
  }
  return 0;
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  if (argc == 2) return hearth::run(argv[1]);
  fmt::print("usage: {} VOCABULARY.gguf\n", argv[0]);
  return 2;
}
