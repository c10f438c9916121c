// The built program as a shell sees it: what it prints, where, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "support.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing_support::reference_set;
using testing_support::test_data;

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-cli-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    home_ = name;
    model_ = test_data("models/stories260K.gguf").string();
  }
  void TearDown() override { fs::remove_all(home_); }

  // `arguments` as a shell reads them.
  Outcome hearth(const std::string& arguments, const std::string& input = {}) const {
    std::ofstream(home_ / "in", std::ios::binary) << input;
    const std::string command = "HEARTH_FOREIGN_MODELS=off HEARTH_HOME='" + home_.string() +
                                "' '" HEARTH_BINARY "' " + arguments + " < '" + (home_ / "in").string() +
                                "' 2> '" + (home_ / "err").string() + "'";
    Outcome outcome;
    std::FILE* pipe = popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    if (pipe == nullptr) return outcome;
    std::array<char, 4096> buffer{};
    while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
      outcome.out.append(buffer.data(), n);
    const int status = pclose(pipe);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
    std::ifstream err(home_ / "err", std::ios::binary);
    outcome.err.assign(std::istreambuf_iterator<char>(err), std::istreambuf_iterator<char>());
    return outcome;
  }

  void expect_error(const std::string& arguments, int exit_code, const std::string& sentence) const {
    const Outcome outcome = hearth(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_THAT(outcome.err, StartsWith("hearth: ")) << arguments;
    EXPECT_THAT(outcome.err, HasSubstr(sentence)) << arguments;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }

  fs::path home_;
  std::string model_;
};

TEST_F(CliTest, HelpAndVersion) {
  for (const char* arguments : {"", "--help"}) {
    const Outcome outcome = hearth(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("tokenize"));
    EXPECT_EQ(outcome.err, "");
  }
  for (const char* command : {"serve", "run", "show", "tokenize", "template"}) {
    const Outcome outcome = hearth(std::string(command) + " --help");
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr("Usage:")) << command;
  }
  EXPECT_THAT(hearth("--version").out, StartsWith("hearth "));
}

TEST_F(CliTest, ErrorsAreOneSentenceWithACode) {
  expect_error("nonsense", 2, "there is no command \"nonsense\"");
  expect_error("show", 2, "MODEL");
  expect_error("show --nonsense x", 2, "--nonsense");
  expect_error("show /nowhere/x.gguf", 3, "there is no file \"/nowhere/x.gguf\"");
  expect_error("tokenize /nowhere/x.gguf", 3, "no file");
  expect_error("run /nowhere/x.gguf hello", 3, "no file");
  expect_error("run '/no where/x.gguf' hello", 3, "no file");
  expect_error("show /", 2, "/");
  std::ofstream(home_ / "bad.gguf") << "GGUX and more than that";
  expect_error("show '" + (home_ / "bad.gguf").string() + "'", 4, "bad.gguf");
  expect_error("show --tensors --metadata '" + model_ + "'", 2, "only one of");
  expect_error("show --template '" + model_ + "'", 3, "no chat template");
  expect_error("tokenize --decode '" + model_ + "' 1 x", 2, "\"x\" is not a token id");
  expect_error("tokenize --decode '" + model_ + "' 512", 2, "token 512");
  expect_error("run --top-p 2 '" + model_ + "' hello", 2, "top_p");
  expect_error("serve --port 70000", 2, "--port");
}

TEST_F(CliTest, ABrokenConfigurationIsNamed) {
  std::ofstream(home_ / "hearth.toml") << "port = 1\nthreads = \"many\"\n";
  expect_error("serve", 2, "hearth.toml:2: threads must be a number");
}

TEST_F(CliTest, ShowsAModel) {
  const Outcome table = hearth("show '" + model_ + "'");
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("llama"));
  const Outcome json = hearth("show --json '" + model_ + "'");
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto card = nlohmann::json::parse(json.out);
  EXPECT_EQ(card["architecture"], "llama");
  EXPECT_EQ(card["layers"], 5);
  const auto metadata = nlohmann::json::parse(hearth("show --json --metadata '" + model_ + "'").out);
  EXPECT_EQ(metadata["tokenizer.ggml.tokens"].size(), 512U);
  const auto tensors = nlohmann::json::parse(hearth("show --json --tensors '" + model_ + "'").out);
  EXPECT_EQ(tensors.size(), 47U);
  EXPECT_THAT(hearth("show --metadata '" + model_ + "'").out, HasSubstr("general.architecture"));
}

TEST_F(CliTest, QuantizesAndMeasuresTheLoss) {
  const std::string out = (home_ / "small.gguf").string();
  const Outcome made = hearth("quantize '" + model_ + "' '" + out + "' q8_0 --threads 2");
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("small.gguf: Q8_0, "));
  EXPECT_THAT(made.out, HasSubstr("bits a weight"));
  std::ofstream(home_ / "text") << "Once upon a time, there was a little girl named Lily.";
  const std::string text = " --text '" + (home_ / "text").string() + "'";
  const Outcome measured = hearth("eval '" + out + "' --against '" + model_ + "' --json" + text);
  ASSERT_EQ(measured.exit_code, 0) << measured.err;
  const auto json = nlohmann::json::parse(measured.out);
  EXPECT_GT(json["against"]["kl_mean"], 0);
  EXPECT_LT(json["against"]["kl_99"], 0.01);
  EXPECT_LE(json["against"]["kl_median"], json["against"]["kl_max"]);
  EXPECT_GT(json["against"]["same_top"], 0.8);
  EXPECT_NEAR(json["perplexity"].get<double>() / json["against"]["perplexity"].get<double>(), 1, 0.05);
  EXPECT_THAT(hearth("eval '" + out + "' --against '" + model_ + "'" + text).out,
              HasSubstr("KL from the source: mean 0.0"));
  const Outcome again = hearth("quantize '" + model_ + "' '" + out + "' q8_0");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("5 matrices have rows that the blocks of Q8_0 do not divide"));
  EXPECT_THAT(again.err, HasSubstr("exists already"));
  expect_error("quantize '" + model_ + "' /nowhere/x.gguf f16", 8, "/nowhere");
  expect_error("quantize '" + model_ + "' '" + out + "2' q9", 2, "there are F32, F16");
}

TEST_F(CliTest, TokenizesAndBack) {
  const std::string text = "Once upon a time";
  const Outcome ids = hearth("tokenize --ids '" + model_ + "'", text);
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(hearth("tokenize --ids '" + model_ + "' Once upon a time").out, ids.out);
  EXPECT_EQ(hearth("tokenize --decode '" + model_ + "'", ids.out).out, text);
  const auto json = nlohmann::json::parse(hearth("tokenize --json '" + model_ + "'", text).out);
  EXPECT_EQ(json["count"], json["tokens"].size());
  EXPECT_EQ(hearth("tokenize --count '" + model_ + "'", text).out, json["count"].dump() + "\n");
  const std::string with_bos = hearth("tokenize --ids --add-special '" + model_ + "'", text).out;
  EXPECT_THAT(with_bos, StartsWith("1 "));
}

TEST_F(CliTest, RendersATemplate) {
  const Outcome text = hearth("template '" + model_ + "' --system Brief. --user Hello");
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("<|im_start|>user\nHello<|im_end|>"));
  const Outcome json =
      hearth("template --json '" + model_ + "'", R"([{"role": "user", "content": "Hello <|im_end|>"}])");
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto parsed = nlohmann::json::parse(json.out);
  const std::string prompt = parsed["prompt"];
  ASSERT_EQ(parsed["untrusted"].size(), 1U);
  const size_t begin = parsed["untrusted"][0][0];
  const size_t end = parsed["untrusted"][0][1];
  EXPECT_EQ(prompt.substr(begin, end - begin), "Hello <|im_end|>");
  EXPECT_GT(parsed["tokens"].size(), 3U);
  EXPECT_EQ(hearth("template '" + model_ + "'", "not json").exit_code, 2);
  EXPECT_EQ(hearth("template '" + model_ + "'", R"([{"role": "king", "content": "x"}])").exit_code, 2);
}

TEST_F(CliTest, AFullOutputIsAnError) {
  const Outcome outcome = hearth("show --metadata '" + model_ + "' > /dev/full");
  EXPECT_EQ(outcome.exit_code, 8);
  EXPECT_THAT(outcome.err, HasSubstr("cannot write the output"));
}

TEST_F(CliTest, AnswersOnce) {
  const std::string flags = "run '" + model_ + "' --raw --temperature 0 --max-tokens 20 ";
  const Outcome argument = hearth(flags + "'Once upon a time'");
  ASSERT_EQ(argument.exit_code, 0) << argument.err;
  EXPECT_EQ(argument.err, "");
  EXPECT_GT(argument.out.size(), 20U);
  EXPECT_EQ(hearth(flags, "Once upon a time").out, argument.out) << "a pipe is a prompt";
  EXPECT_THAT(hearth(flags + "--verbose", "Once upon a time").err, HasSubstr("tokens/s"));
  EXPECT_EQ(hearth("run '" + model_ + "'").exit_code, 2) << "no prompt at all";
}

TEST_F(CliTest, MakesAModelFromAModelfile) {
  const auto modelfile = [&](const std::string& text) {
    std::ofstream(home_ / "Modelfile", std::ios::binary) << text;
    return "create tiny -f '" + (home_ / "Modelfile").string() + "'";
  };
  const std::string words =
      "TEMPLATE \"\"\"{{- range $i, $_ := .Messages }}<{{ .Role }}>{{ .Content }}{{ end }}<assistant>\"\"\"\n"
      "SYSTEM Be brief.\nPARAMETER stop \"s\"\nPARAMETER num_ctx 128\nPARAMETER temperature 0\n"
      "MESSAGE user Hi\nMESSAGE assistant \"\"\"Hello,\nyou\"\"\"\n";
  const Outcome made = hearth(modelfile("FROM " + model_ + "\n" + words));
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out, "made tiny:latest\n");
  const std::string prompt =
      "<system>Be brief.<user>Hi<assistant>Hello,\nyou<user>Once upon a time<assistant>";
  EXPECT_EQ(hearth("template tiny --user 'Once upon a time'").out, prompt);
  const Outcome answer = hearth("run tiny 'Once upon a time'");
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_EQ(answer.out.find('s'), std::string::npos) << answer.out;
  EXPECT_EQ(hearth("run tiny 'Once upon a time'").out, answer.out);

  // What shows as a Modelfile makes the same; a model on top of another keeps what it does not replace.
  const std::string shown = hearth("show tiny --modelfile").out;
  EXPECT_EQ(hearth("create again -f -", shown).exit_code, 0);
  EXPECT_EQ(hearth("show again --modelfile").out, shown);
  const Outcome other = hearth("create other -f -", "FROM tiny\nSYSTEM Be kind.\n");
  EXPECT_EQ(other.exit_code, 0) << other.err;
  EXPECT_EQ(hearth("template other --user x").out,
            "<system>Be kind.<user>Hi<assistant>Hello,\nyou<user>x<assistant>");

  const Outcome smaller = hearth("create smaller -q q8_0 -f -", "FROM tiny\n");
  EXPECT_EQ(smaller.exit_code, 0) << smaller.err;
  EXPECT_THAT(hearth("show smaller").out, HasSubstr("Q8_0"));
  EXPECT_EQ(hearth("template smaller --user x").out,
            "<system>Be brief.<user>Hi<assistant>Hello,\nyou<user>x<assistant>");

  expect_error(modelfile("FROM " + model_ + "\nADAPTER x\n"), 5, "(line 2): ADAPTER");
  expect_error(modelfile("FROM ./nothing.gguf\n"), 3, "there is no such file");
  expect_error(modelfile("FROM nobody\n"), 3, "nobody");
  expect_error(modelfile("FROM " + model_ + "\nTEMPLATE {{ .Prompt }}{{ end }}\n"), 2, "TEMPLATE");
  expect_error("create tiny -f /nowhere/Modelfile", 3, "there is no file");
}

TEST_F(CliTest, APromptBeyondTheContextHasItsOwnCode) {
  std::string prompt;
  for (int i = 0; i < 2000; ++i) prompt += "once upon a time ";
  const Outcome outcome = hearth("run '" + model_ + "' --raw", prompt);
  EXPECT_EQ(outcome.exit_code, 6) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

// A command that names no model means the only one that somebody has brought, and before that the built-in
// one.
TEST_F(CliTest, TheBuiltInModelAnswersWhereNoOtherIsThere) {
  EXPECT_THAT(hearth("list").out, ::testing::ContainsRegex("hearth-helper .*Q8_0 .*built in"));
  const Outcome told = hearth("run", "How do I change the port of the server?");
  ASSERT_EQ(told.exit_code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("`hearth serve --port PORT`"));
  const Outcome asked = hearth("run 'How do I change the port of the server?'");
  ASSERT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_EQ(asked.out, told.out);
  expect_error("rm hearth-helper", 2, "a part of Hearth");

  ASSERT_EQ(hearth("import '" + model_ + "' --name mine").exit_code, 0);
  EXPECT_THAT(hearth("run --raw --temperature 0 --max-tokens 8", "Once upon a time").out,
              StartsWith(", there was a little girl"));
  ASSERT_EQ(hearth("cp mine other").exit_code, 0);
  const Outcome unclear = hearth("run", "Hello");
  EXPECT_EQ(unclear.exit_code, 2);
  EXPECT_THAT(unclear.err, HasSubstr("there are mine:latest, other:latest"));
}

TEST_F(CliTest, ACreationNamesWhatIsWrongAndTheBudgetHoldsForEveryCommand) {
  expect_error("create x -f '" + home_.string() + "'", 2, "is a folder; -f names the Modelfile");
  std::ofstream(home_ / "Modelfile") << "FROM " << model_ << "\nPARAMETER temperature -3\n";
  expect_error("create x -f '" + (home_ / "Modelfile").string() + "'", 2,
               "PARAMETER temperature: temperature is -3, must be between 0 and 100");
  EXPECT_THAT(hearth("list").out, Not(HasSubstr("x:latest")));
  std::ofstream(home_ / "hearth.toml") << "memory_gib = 0.0005\n";
  expect_error("run '" + model_ + "' hello", 7, "");
  expect_error("eval '" + model_ + "' --text '" + (home_ / "Modelfile").string() + "'", 7,
               "does not fit: its weights take 1.05 MB, models may have");
}

TEST_F(CliTest, ModelsAreImportedListedCopiedAndRemoved) {
  fs::copy_file(model_, home_ / "a story.gguf");
  const std::string file = (home_ / "a story.gguf").string();
  const Outcome imported = hearth("import '" + file + "'");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr(file + " is a-story:latest now"));
  ASSERT_EQ(hearth("import '" + file + "' --name Tales:q8").exit_code, 0);
  ASSERT_EQ(hearth("cp tales:q8 me/mine").exit_code, 0);
  expect_error("cp nobody mine", 3, "there is no model \"nobody\"");
  expect_error("import '" + file + "' --name ../x", 2, "model name");
  expect_error("import '" + (home_ / "nothing.gguf").string() + "'", 3, "nothing.gguf");
  std::ofstream(home_ / "bad.gguf") << "GGUF but not really";
  EXPECT_NE(hearth("import '" + (home_ / "bad.gguf").string() + "'").exit_code, 0);

  const nlohmann::json list = nlohmann::json::parse(hearth("list --json").out);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0]["name"], "Tales:q8");
  EXPECT_EQ(list[1]["name"], "a-story:latest");
  EXPECT_EQ(list[1]["files"][0], file);
  EXPECT_EQ(list[2]["name"], "hearth-helper");
  EXPECT_EQ(list[3]["name"], "me/mine:latest");
  EXPECT_THAT(hearth("list").out, HasSubstr("imported"));
  EXPECT_THAT(hearth("show A-STORY").out, HasSubstr("llama"));
  EXPECT_THAT(hearth("show a-story --modelfile").out, HasSubstr("FROM " + file));
  EXPECT_THAT(hearth("tokenize a-story 'Once upon'").out, HasSubstr("Once"));
  const Outcome told = hearth("run a-story --raw --temperature 0 --max-tokens 8 'Once upon a time'");
  EXPECT_THAT(told.out, StartsWith(", there was a little girl")) << told.err;

  const Outcome removed = hearth("rm nobody a-story none me/mine");
  EXPECT_EQ(removed.exit_code, 3);
  EXPECT_THAT(removed.out, HasSubstr("removed a-story:latest; its files stay where they are"));
  EXPECT_THAT(removed.out, HasSubstr("removed me/mine:latest"));
  EXPECT_THAT(removed.err, HasSubstr("\"nobody\" here; there is no model \"none\""));
  EXPECT_TRUE(fs::exists(file));
  expect_error("rm a-story", 3, "there is no model \"a-story\"");
  fs::copy_file(model_, home_ / "loud.GGUF");
  EXPECT_EQ(hearth("import '" + (home_ / "loud.GGUF").string() + "'").exit_code, 0);
  fs::remove(home_ / "loud.GGUF");
  EXPECT_THAT(hearth("rm loud").out, HasSubstr("its files were gone already"));
  fs::resize_file(file, 5000);
  const Outcome broken = hearth("list");
  EXPECT_THAT(broken.out, HasSubstr("Tales:q8"));
  EXPECT_THAT(broken.err, HasSubstr("\"Tales:q8\" cannot be used"));
  EXPECT_THAT(broken.err, HasSubstr(file));
  EXPECT_NE(hearth("show tales:q8").exit_code, 0);
}

// A model in two files, of which the second one has no tensors.
void write_shards(const std::string& model, const fs::path& first, const fs::path& second) {
  std::ifstream file(model, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto raw = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto text = [&](std::string_view s) { return raw(uint64_t{s.size()}) + std::string(s); };
  const auto split = [&](uint16_t number) {
    constexpr uint32_t kUint16 = 2, kString = 8;
    return text("split.no") + raw(kUint16) + raw(number) + text("split.count") + raw(kUint16) +
           raw(uint16_t{2}) + text("pad.x") + raw(kString) +
           text(std::string(24, 'x'));  // 96: tensors stay aligned
  };
  constexpr size_t kEntriesAt = 16, kHeadBytes = 24;  // magic, version, number of tensors; number of entries
  uint64_t n_entries = 0;
  std::memcpy(&n_entries, bytes.data() + kEntriesAt, sizeof n_entries);
  bytes.replace(kEntriesAt, sizeof n_entries, raw(n_entries + 3));
  bytes.insert(kHeadBytes, split(0));
  std::ofstream(first, std::ios::binary) << bytes;
  std::ofstream(second, std::ios::binary)
      << bytes.substr(0, 8) << raw(uint64_t{0}) << raw(uint64_t{3}) << split(1);
}

TEST_F(CliTest, AModelInSeveralFilesHasOneFromLine) {
  const fs::path first = home_ / "tale-00001-of-00002.gguf", second = home_ / "tale-00002-of-00002.gguf";
  write_shards(model_, first, second);
  const Outcome imported = hearth("import '" + second.string() + "'");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const std::string of_file = hearth("show tale --modelfile").out;
  EXPECT_EQ(of_file, "FROM " + first.string() + "\n");
  const Outcome made = hearth("create one -f -", of_file);
  EXPECT_EQ(made.exit_code, 0) << made.err;

  // As a pull leaves it, with what it does not use beside the weights.
  const fs::path blobs = home_ / "models/blobs";
  nlohmann::json manifest{{"schemaVersion", 2}, {"layers", nlohmann::json::array()}};
  const auto layer = [&](const char* type, char digit, const fs::path& file) {
    fs::copy_file(file, blobs / ("sha256-" + std::string(64, digit)));
    return nlohmann::json{{"mediaType", std::string("application/vnd.ollama.image.") + type},
                          {"digest", "sha256:" + std::string(64, digit)},
                          {"size", fs::file_size(file)}};
  };
  const auto publish = [&](const std::string& name) {
    const fs::path folder = home_ / "models/manifests/registry.ollama.ai/library" / name;
    fs::create_directories(folder);
    std::ofstream(folder / "latest") << manifest;
  };
  manifest["layers"] = {layer("model", 'a', first), layer("model", 'b', second),
                        layer("projector", 'c', second)};
  manifest["config"] = manifest["layers"][0];
  publish("parts");
  const std::string of_store = hearth("show parts --modelfile").out;
  EXPECT_EQ(of_store, "FROM parts:latest\n");
  const Outcome again = hearth("create again -f -", of_store);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(hearth("show again").out, HasSubstr("in 2 files"));
  EXPECT_THAT(hearth("show again").out,
              HasSubstr("warning: the image encoder that came with it is not used"));

  manifest["layers"].push_back(layer("adapter", 'd', second));
  publish("tuned");
  expect_error("run tuned hello", 5,
               "it has an adapter: adapters are not applied while a model runs; merge it");
  expect_error("show tuned", 5, "it has an adapter");
  EXPECT_THAT(hearth("list").err, HasSubstr("\"tuned:latest\" cannot be used: it has an adapter"));
}

// A checkpoint of one small layer, without its tokenizer.
void write_checkpoint(const fs::path& folder) {
  fs::create_directories(folder);
  const nlohmann::json config{
      {"model_type", "llama"},          {"num_hidden_layers", 1},   {"hidden_size", 32},
      {"num_attention_heads", 2},       {"num_key_value_heads", 1}, {"intermediate_size", 64},
      {"max_position_embeddings", 128}, {"rms_norm_eps", 1e-5},     {"rope_theta", 10000.0},
      {"tie_word_embeddings", true}};
  std::ofstream(folder / "config.json") << config;
  nlohmann::json header;
  std::string data;
  const auto add = [&](const std::string& name, std::vector<size_t> shape) {
    size_t n = 1;
    for (const size_t dim : shape) n *= dim;
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i * 37 % 101) / 101.0f - 0.5f;
    const size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(values.data()), n * sizeof(float));
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
  };
  add("model.embed_tokens.weight", {40, 32});
  add("model.norm.weight", {32});
  const std::string layer = "model.layers.0.";
  add(layer + "input_layernorm.weight", {32});
  add(layer + "post_attention_layernorm.weight", {32});
  add(layer + "self_attn.q_proj.weight", {32, 32});
  add(layer + "self_attn.k_proj.weight", {16, 32});
  add(layer + "self_attn.v_proj.weight", {16, 32});
  add(layer + "self_attn.o_proj.weight", {32, 32});
  add(layer + "mlp.gate_proj.weight", {64, 32});
  add(layer + "mlp.up_proj.weight", {64, 32});
  add(layer + "mlp.down_proj.weight", {32, 64});
  const std::string text = header.dump();
  const uint64_t length = text.size();
  std::ofstream out(folder / "model.safetensors", std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << text << data;
}

TEST_F(CliTest, ACheckpointBecomesAModel) {
  const fs::path folder = home_ / "A Small Model";
  write_checkpoint(folder);
  const std::string import = "import '" + folder.string() + "' ";
  expect_error(import, 3, "tokenizer.json is missing");
  for (const char* file : {"config.json", "model.safetensors"}) {
    expect_error("import '" + (folder / file).string() + "'", 2, "give its folder, " + folder.string());
  }
  EXPECT_EQ(nlohmann::json::parse(hearth("list --json").out).size(), 1u);  // the built-in one

  nlohmann::json tokenizer{{"model", {{"type", "BPE"}, {"byte_fallback", true}, {"merges", {"a b", "ab c"}}}},
                           {"normalizer", {{"type", "Prepend"}, {"prepend", "\u2581"}}},
                           {"added_tokens", nlohmann::json::array()}};
  for (int i = 0; i < 3; ++i) {
    tokenizer["added_tokens"].push_back({{"id", i}, {"content", fmt::format("<s{}>", i)}, {"special", true}});
  }
  const char* words[] = {"\u2581", "a", "b", "c", "ab", "abc"};
  for (int i = 0; i < 6; ++i) tokenizer["model"]["vocab"][words[i]] = i + 3;
  std::ofstream(folder / "tokenizer.json") << tokenizer;
  std::ofstream(folder / "tokenizer_config.json") << R"({"bos_token":"<s0>","eos_token":"<s1>"})";
  std::ofstream(folder / "chat_template.jinja") << "{{ messages[0].content }}!";
  std::ofstream(folder / "generation_config.json") << R"({"temperature":0.5,"top_k":3})";

  const Outcome made = hearth(import);
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("made A-Small-Model:latest of " + folder.string()));
  EXPECT_EQ(hearth("template a-small-model --user abc").out, "abc!");
  EXPECT_THAT(hearth("tokenize a-small-model abc").out, HasSubstr("abc"));
  EXPECT_EQ(hearth("run a-small-model --max-tokens 3 abc").exit_code, 0);
  EXPECT_THAT(hearth("show a-small-model").out, HasSubstr("F32"));

  ASSERT_EQ(hearth(import + "--name small --type q8_0").exit_code, 0);
  EXPECT_THAT(hearth("show small").out, HasSubstr("Q8_0"));
  ASSERT_EQ(hearth("create third -f -", "FROM " + folder.string() + "\nSYSTEM x\n").exit_code, 0);
  EXPECT_THAT(hearth("show third --modelfile").out, HasSubstr("SYSTEM x"));
  EXPECT_EQ(hearth("run third --max-tokens 3 abc").exit_code, 0);
  expect_error(import + "--type q9", 2, "quantisation q9 is unknown");
  expect_error("import '" + model_ + "' --type q8_0", 2, "--type is for checkpoints");
  for (const auto& entry : fs::directory_iterator(home_ / "models" / "blobs")) {
    EXPECT_THAT(entry.path().filename().string(), StartsWith("sha256-"));
  }
}

}  // namespace
}  // namespace hearth
