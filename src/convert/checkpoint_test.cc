// Checkpoints made from model files, by a mapping of names and rows written here the other way round, become
// those model files again. And damaged or foreign ones are refused.
#include "convert/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "convert/quantize_model.h"
#include "support.h"

namespace hearth::convert {
namespace {

using gguf::ModelFile;
using testing::HasSubstr;

std::vector<std::string> replaced_words(std::string name,
                                        const std::vector<std::pair<std::string, std::string>>& words) {
  for (const auto& [from, to] : words) {
    if (name == from) return {to};
  }
  return {};
}

const std::vector<std::pair<std::string, std::string>> kCommon = {
    {"attn_norm.weight", "input_layernorm.weight"},    {"attn_q.weight", "self_attn.q_proj.weight"},
    {"attn_k.weight", "self_attn.k_proj.weight"},      {"attn_v.weight", "self_attn.v_proj.weight"},
    {"attn_q.bias", "self_attn.q_proj.bias"},          {"attn_k.bias", "self_attn.k_proj.bias"},
    {"attn_v.bias", "self_attn.v_proj.bias"},          {"attn_output.weight", "self_attn.o_proj.weight"},
    {"attn_q_norm.weight", "self_attn.q_norm.weight"}, {"attn_k_norm.weight", "self_attn.k_norm.weight"},
    {"ffn_gate.weight", "mlp.gate_proj.weight"},       {"ffn_up.weight", "mlp.up_proj.weight"},
    {"ffn_down.weight", "mlp.down_proj.weight"},
};
const std::vector<std::pair<std::string, std::string>> kPlain = {
    {"ffn_norm.weight", "post_attention_layernorm.weight"}, {"ffn_gate_inp.weight", "mlp.gate.weight"}};
const std::vector<std::pair<std::string, std::string>> kGemma = {
    {"ffn_norm.weight", "pre_feedforward_layernorm.weight"},
    {"post_attention_norm.weight", "post_attention_layernorm.weight"},
    {"post_ffw_norm.weight", "post_feedforward_layernorm.weight"},
    {"layer_output_scale.weight", "layer_scalar"},
    {"inp_gate.weight", "per_layer_input_gate.weight"},
    {"proj.weight", "per_layer_projection.weight"},
    {"post_norm.weight", "post_per_layer_input_norm.weight"},
    {"ffn_gate_inp.weight", "router.proj.weight"},
    {"ffn_gate_inp.scale", "router.scale"},
    {"ffn_down_exps.scale", "router.per_expert_scale"},
    {"pre_ffw_norm_2.weight", "pre_feedforward_layernorm_2.weight"},
    {"post_ffw_norm_1.weight", "post_feedforward_layernorm_1.weight"},
    {"post_ffw_norm_2.weight", "post_feedforward_layernorm_2.weight"},
    {"ffn_gate_up_exps.weight", "experts.gate_up_proj"},
    {"ffn_down_exps.weight", "experts.down_proj"},
};
const std::vector<std::pair<std::string, std::string>> kGlobal = {
    {"token_embd.weight", "embed_tokens.weight"},
    {"output_norm.weight", "norm.weight"},
    {"per_layer_token_embd.weight", "embed_tokens_per_layer.weight"},
    {"per_layer_model_proj.weight", "per_layer_model_projection.weight"},
    {"per_layer_proj_norm.weight", "per_layer_projection_norm.weight"}};

// The bytes of a safetensors file.
struct SafeFile {
  Json header = Json::object();
  std::string data;

  void add(const std::string& name, const std::string& dtype, std::vector<uint64_t> shape,
           std::string_view bytes) {
    header[name] = {
        {"dtype", dtype}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data += bytes;
  }
  std::string bytes() const {
    const std::string text = header.dump();
    const uint64_t n = text.size();
    return std::string(reinterpret_cast<const char*>(&n), sizeof n) + text + data;
  }
};

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("checkpoint_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  static uint64_t number(const ModelFile& file, const std::string& key) {
    const auto values = file.metadata().get_int_array(key);
    return values && *values ? static_cast<uint64_t>((*values)->front()) : 0;
  }

  static Json config_of(const ModelFile& file) {
    const std::string arch(**file.metadata().get_string("general.architecture")), a = arch + ".";
    const auto real = [&](const std::string& key) { return file.metadata().get_float(a + key)->value_or(0); };
    Json config = {{"model_type", arch == "qwen3moe" ? "qwen3_moe" : arch},
                   {"num_hidden_layers", number(file, a + "block_count")},
                   {"hidden_size", number(file, a + "embedding_length")},
                   {"num_attention_heads", number(file, a + "attention.head_count")},
                   {"num_key_value_heads", number(file, a + "attention.head_count_kv")},
                   {"intermediate_size", number(file, a + "feed_forward_length")},
                   {"max_position_embeddings", number(file, a + "context_length")},
                   {"rms_norm_eps", real("attention.layer_norm_rms_epsilon")},
                   {"rope_theta", real("rope.freq_base")},
                   {"tie_word_embeddings", file.find_tensor("output.weight") == nullptr}};
    if (const uint64_t dim = number(file, a + "attention.key_length")) config["head_dim"] = dim;
    if (const uint64_t experts = number(file, a + "expert_count")) {
      config["num_experts"] = experts;
      config[arch == "gemma4" ? "top_k_experts" : "num_experts_per_tok"] =
          number(file, a + "expert_used_count");
      config["moe_intermediate_size"] = number(file, a + "expert_feed_forward_length");
      config["norm_topk_prob"] = true;
    }
    if (arch == "llama") {
      config["rope_scaling"] = {{"rope_type", "llama3"},
                                {"factor", 8.0},
                                {"low_freq_factor", 1.0},
                                {"high_freq_factor", 4.0},
                                {"original_max_position_embeddings", 8192}};
    }
    if (arch != "gemma4") return config;
    const auto sliding = **file.metadata().get_int_array(a + "attention.sliding_window_pattern");
    const auto kv = **file.metadata().get_int_array(a + "attention.head_count_kv");
    const auto widths = **file.metadata().get_int_array(a + "feed_forward_length");
    config["layer_types"] = Json::array();
    for (size_t i = 0; i < sliding.size(); ++i) {
      config["layer_types"].push_back(sliding[i] != 0 ? "sliding_attention" : "full_attention");
      if (sliding[i] == 0) config["num_global_key_value_heads"] = kv[i];
    }
    config["head_dim"] = number(file, a + "attention.key_length_swa");
    config["global_head_dim"] = number(file, a + "attention.key_length");
    config["sliding_window"] = number(file, a + "attention.sliding_window");
    config["num_kv_shared_layers"] = number(file, a + "attention.shared_kv_layers");
    config["hidden_size_per_layer_input"] = number(file, a + "embedding_length_per_layer_input");
    config["final_logit_softcapping"] = real("final_logit_softcapping");
    config["use_double_wide_mlp"] = widths.back() != widths.front();
    config["attention_k_eq_v"] = true;
    const auto& factors = *file.find_tensor("rope_freqs.weight");
    std::vector<float> values(factors.n_elements());
    std::memcpy(values.data(), factors.bytes.data(), factors.bytes.size());
    const auto rotated = std::count(values.begin(), values.end(), 1.0f);
    config["rope_parameters"] = {
        {"full_attention",
         {{"rope_theta", real("rope.freq_base")},
          {"rope_type", "proportional"},
          {"partial_rotary_factor", static_cast<double>(rotated) / static_cast<double>(values.size())}}},
        {"sliding_attention", {{"rope_theta", real("rope.freq_base_swa")}, {"rope_type", "default"}}}};
    return config;
  }

  // 512 tokens in the form of the family's tokenizers.
  static Json tokenizer_of(const std::string& arch, uint64_t n_tokens) {
    Json tokenizer = {{"model", {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", Json::array()}}},
                      {"added_tokens", Json::array()}};
    for (uint64_t i = 3; i + 4 < n_tokens; ++i) tokenizer["model"]["vocab"]["t" + std::to_string(i)] = i;
    tokenizer["model"]["merges"].push_back("t 3");
    tokenizer["model"]["merges"].push_back(Json::array({"t", "4"}));
    for (uint64_t i = 0; i < 3; ++i) {
      tokenizer["added_tokens"].push_back(
          {{"id", i}, {"content", "<s" + std::to_string(i) + ">"}, {"special", i < 2}});
    }
    if (arch.starts_with("qwen")) {
      tokenizer["pre_tokenizer"] = {
          {"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern",
              {{"Regex",
                R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}}},
            {{"type", "ByteLevel"}}}}};
    } else {
      tokenizer["model"]["byte_fallback"] = true;
      if (arch == "llama") tokenizer["normalizer"] = {{"type", "Prepend"}, {"prepend", "\u2581"}};
    }
    return tokenizer;
  }

  // The file as a checkpoint of two parts.
  void write_checkpoint(const ModelFile& file) const {
    const std::string arch(**file.metadata().get_string("general.architecture"));
    const bool gemma = arch == "gemma4";
    const std::string prefix = gemma ? "model.language_model." : "model.";
    SafeFile parts[2];
    Json map = Json::object();
    size_t n = 0;
    const auto add = [&](const std::string& name, const gguf::TensorInfo& tensor, std::vector<uint64_t> shape,
                         std::string_view bytes) {
      const size_t part = n++ % 2;
      parts[part].add(name, tensor.dtype == kernels::DType::kF16 ? "F16" : "F32", std::move(shape), bytes);
      map[name] = "part" + std::to_string(part) + ".safetensors";
    };
    for (const gguf::TensorInfo& tensor : file.tensors()) {
      std::string name(tensor.name);
      if (name == "rope_freqs.weight") continue;
      std::string bytes(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
      std::vector<uint64_t> shape;
      for (uint32_t d = tensor.n_dims; d-- > 0;) shape.push_back(tensor.dims[d]);
      if (name == "output.weight") {
        add("lm_head.weight", tensor, shape, bytes);
        continue;
      }
      if (!name.starts_with("blk.")) {
        const auto global = replaced_words(name, kGlobal);
        ASSERT_EQ(global.size(), 1u) << name;
        add(prefix + global[0], tensor, shape, bytes);
        continue;
      }
      const size_t dot = name.find('.', 4);
      const std::string layer = prefix + "layers." + name.substr(4, dot - 4) + ".",
                        part = name.substr(dot + 1);
      if (!gemma && part.find("_exps") != part.npos) {
        const std::string projection = part.substr(4, part.find("_exps") - 4) + "_proj.weight";
        const size_t each = bytes.size() / shape[0];
        for (uint64_t e = 0; e < shape[0]; ++e) {
          add(layer + "mlp.experts." + std::to_string(e) + "." + projection, tensor, {shape[1], shape[2]},
              std::string_view(bytes).substr(e * each, each));
        }
        continue;
      }
      if (arch == "llama" && (part == "attn_q.weight" || part == "attn_k.weight")) {
        // Row pairs (2i, 2i + 1) of a head go back to (i, i + half).
        const uint64_t heads = number(
            file, part == "attn_q.weight" ? "llama.attention.head_count" : "llama.attention.head_count_kv");
        const uint64_t dim = shape[0] / heads, row = bytes.size() / shape[0];
        std::string apart = bytes;
        for (uint64_t h = 0; h < heads; ++h) {
          for (uint64_t i = 0; i < dim / 2; ++i) {
            for (uint64_t side = 0; side < 2; ++side) {
              std::memcpy(&apart[(h * dim + side * (dim / 2) + i) * row],
                          &bytes[(h * dim + 2 * i + side) * row], row);
            }
          }
        }
        bytes = apart;
      }
      auto known = replaced_words(part, kCommon);
      if (known.empty()) known = replaced_words(part, gemma ? kGemma : kPlain);
      ASSERT_EQ(known.size(), 1u) << name;
      add(layer + known[0], tensor, shape, bytes);
    }
    Json config = config_of(file);
    if (gemma) config = {{"model_type", "gemma4"}, {"text_config", config}};
    write("config.json", config.dump());
    write("model.safetensors.index.json", Json{{"weight_map", map}}.dump());
    for (size_t p = 0; p < 2; ++p) write("part" + std::to_string(p) + ".safetensors", parts[p].bytes());
    write("tokenizer.json", tokenizer_of(arch, file.find_tensor("token_embd.weight")->dims[1]).dump());
    write("tokenizer_config.json",
          R"({"bos_token":"<s0>","eos_token":{"content":"<s1>"},"chat_template":"{{ messages }}"})");
  }

  Result<ModelFile> convert(std::string_view type) const {
    HEARTH_TRY(const Checkpoint checkpoint, Checkpoint::open(folder_));
    HEARTH_TRY(auto source, read_checkpoint(checkpoint, "a name"));
    HEARTH_TRY(const auto plan, QuantizePlan::make(std::move(source), *find_quant_mix(type), nullptr));
    ThreadPool threads(2);
    std::filesystem::remove(folder_ / "out.gguf");
    HEARTH_CHECK_OK(plan.write(folder_ / "out.gguf", threads, {}));
    return ModelFile::open(folder_ / "out.gguf");
  }
  void expect_refused(ErrorCategory category, const std::string& message) const {
    const auto file = convert("F16");
    ASSERT_FALSE(file) << message;
    EXPECT_EQ(file.error().category, category) << file.error().message;
    EXPECT_THAT(file.error().message, HasSubstr(message));
  }

  std::filesystem::path folder_;
};

std::vector<std::filesystem::path> f16_files() {
  std::vector<std::filesystem::path> files, folders = {testing_support::test_data("parity")};
  if (const char* more = std::getenv("HEARTH_PARITY_DATA")) folders.emplace_back(more);
  for (const auto& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().filename().string().ends_with("-f16.gguf")) files.push_back(entry.path());
    }
  }
  return files;
}

bool same_value(const gguf::MetadataEntry& a, const gguf::Metadata& other) {
  const auto numbers = other.get_float_array(a.key);
  const gguf::MetadataEntry* b = other.find(a.key);
  if (b == nullptr) return false;
  if (const auto* x = std::get_if<double>(&a.value))
    return std::abs(*x - *std::get_if<double>(&b->value)) < 1e-9;
  return true;
}

TEST_F(CheckpointTest, BecomesTheModelFileItWasMadeFrom) {
  for (const auto& path : f16_files()) {
    SCOPED_TRACE(path.filename().string());
    const auto original = ModelFile::open(path);
    ASSERT_TRUE(original);
    write_checkpoint(*original);
    const auto made = convert("F16");
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->tensors().size(), original->tensors().size());
    for (const gguf::TensorInfo& tensor : original->tensors()) {
      const gguf::TensorInfo* copy = made->find_tensor(tensor.name);
      ASSERT_NE(copy, nullptr) << tensor.name;
      EXPECT_EQ(copy->shape_string(), tensor.shape_string()) << tensor.name;
      if (tensor.name == "rope_freqs.weight") {  // computed: to a rounding
        std::vector<float> a(tensor.n_elements()), b(a.size());
        std::memcpy(a.data(), tensor.bytes.data(), tensor.bytes.size());
        std::memcpy(b.data(), copy->bytes.data(), copy->bytes.size());
        for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i] / b[i], 1, 1e-5) << i;
        continue;
      }
      ASSERT_EQ(copy->dtype, tensor.dtype) << tensor.name;
      EXPECT_TRUE(std::ranges::equal(copy->bytes, tensor.bytes)) << tensor.name;
    }
    const std::string arch(**original->metadata().get_string("general.architecture"));
    for (const gguf::MetadataEntry& entry : original->metadata().entries()) {
      if (!entry.key.starts_with(arch)) continue;
      const std::string key(entry.key);
      EXPECT_TRUE(same_value(entry, made->metadata())) << key;
      const auto integers = original->metadata().get_int_array(key);
      if (integers && *integers) {
        auto ours = **made->metadata().get_int_array(key);
        auto theirs = **integers;
        if (theirs.size() == 1) theirs.resize(ours.size(), theirs[0]);  // one for all layers
        EXPECT_EQ(ours, theirs) << key;
      }
    }
    EXPECT_EQ(*made->metadata().get_string("tokenizer.chat_template"), "{{ messages }}");
    EXPECT_EQ(*made->metadata().get_uint("tokenizer.ggml.eos_token_id"), 1u);
    const auto tokens = **made->metadata().get_string_array("tokenizer.ggml.tokens");
    EXPECT_EQ(tokens[5], "t5");
    EXPECT_EQ(tokens.back(), fmt::format("[PAD{}]", tokens.size() - 1));
    const auto types = **made->metadata().get_int_array("tokenizer.ggml.token_type");
    EXPECT_EQ(std::vector<int64_t>(types.begin(), types.begin() + 4), (std::vector<int64_t>{3, 3, 4, 1}));
    EXPECT_EQ(types.back(), 5);
    const bool qwen = arch.starts_with("qwen");
    EXPECT_EQ(*made->metadata().get_string("tokenizer.ggml.model"), qwen ? "gpt2" : arch);
    if (qwen) {
      EXPECT_EQ(*made->metadata().get_string("tokenizer.ggml.pre"), "qwen2");
    }
    ASSERT_TRUE(convert("Q4_K_M"));  // quantised on the way
  }
}

TEST_F(CheckpointTest, TheTemplateAndSamplingOfItsAuthorsComeAlong) {
  const auto original = ModelFile::open(testing_support::test_data("parity/qwen2-f16.gguf"));
  ASSERT_TRUE(original);
  write_checkpoint(*original);
  write("tokenizer_config.json", "{}");
  write("chat_template.jinja", "{{ messages[0].content }}");
  write("generation_config.json", R"({"temperature":0.5,"top_k":20,"top_p":null,"do_sample":true})");
  const auto made = convert("F16");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made->metadata().get_string("tokenizer.chat_template"), "{{ messages[0].content }}");
  EXPECT_EQ(*made->metadata().get_float("general.sampling.temp"), 0.5);
  EXPECT_EQ(*made->metadata().get_uint("general.sampling.top_k"), 20u);
  EXPECT_EQ(made->metadata().find("general.sampling.top_p"), nullptr);
  write("generation_config.json", R"({"temperature":"hot"})");
  expect_refused(ErrorCategory::kCorrupt, "temperature is not a number");
}

TEST_F(CheckpointTest, RefusesWhatItWouldGetWrong) {
  const auto original = ModelFile::open(testing_support::test_data("parity/qwen2-f16.gguf"));
  ASSERT_TRUE(original);
  const auto with_config = [&](const std::string& key, const Json& value) {
    write_checkpoint(*original);
    Json config = config_of(*original);
    config[key] = value;
    write("config.json", config.dump());
  };
  with_config("model_type", "mamba");
  expect_refused(ErrorCategory::kUnsupported, "the model type mamba cannot be converted");
  with_config("quantization_config", {{"bits", 4}});
  expect_refused(ErrorCategory::kUnsupported, "is quantised");
  with_config("num_hidden_layers", 3);
  expect_refused(ErrorCategory::kCorrupt, "there are 3 layers");
  with_config("num_hidden_layers", 5);
  expect_refused(ErrorCategory::kCorrupt, "no attn_norm of layer 4");
  with_config("num_hidden_layers", -1);
  expect_refused(ErrorCategory::kCorrupt, "num_hidden_layers is not a whole number");
  with_config("model_type", "llama");
  expect_refused(ErrorCategory::kUnsupported, "bias is not known in a llama model");
  with_config("rope_scaling", {{"rope_type", "yarn"}});
  expect_refused(ErrorCategory::kUnsupported, "position scaling of the type yarn");
  with_config("hidden_act", "relu");
  expect_refused(ErrorCategory::kUnsupported, "activation relu");
  write_checkpoint(*original);
  Json tokenizer = tokenizer_of("qwen2", 512);
  tokenizer["model"]["vocab"]["more"] = 512;
  write("tokenizer.json", tokenizer.dump());
  expect_refused(ErrorCategory::kCorrupt, "token more: its id is outside");
  tokenizer = tokenizer_of("qwen2", 512);
  tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "x+";
  write("tokenizer.json", tokenizer.dump());
  expect_refused(ErrorCategory::kUnsupported, "a pattern that is not known: x+");
  write_checkpoint(*original);
  write("model.safetensors.index.json", R"({"weight_map":{"a":"../part0.safetensors"}})");
  expect_refused(ErrorCategory::kNotFound, "../part0.safetensors is missing");
  std::filesystem::remove(folder_ / "config.json");
  expect_refused(ErrorCategory::kNotFound, "config.json");
}

TEST(Safetensors, DamagedFilesAreRefused) {
  SafeFile file;
  file.add("a", "F32", {2, 2}, std::string(16, 'a'));
  file.add("b", "BF16", {3}, std::string(6, 'b'));
  const auto parse = [](const std::string& bytes) {
    return parse_safetensors(std::as_bytes(std::span(bytes.data(), bytes.size())));
  };
  const std::string good = file.bytes();
  const auto tensors = parse(good);
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[1].name, "b");
  EXPECT_EQ((*tensors)[1].bytes.size(), 6u);
  for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse(good.substr(0, n))) << n;
  EXPECT_FALSE(parse(good + "x"));

  const auto expect_bad = [&](const char* key, const Json& value, const std::string& message) {
    SafeFile bad = file;
    bad.header["b"][key] = value;
    const std::string bytes = bad.bytes();
    const auto result = parse(bytes);
    ASSERT_FALSE(result) << message;
    EXPECT_THAT(result.error().message, HasSubstr(message));
  };
  expect_bad("dtype", "F4", "the dtype F4 is not known");
  expect_bad("shape", {4}, "the size does not fit the shape");
  expect_bad("shape", {uint64_t{1} << 63, 2}, "the shape is too large");
  expect_bad("shape", {-3}, "a dimension is no number");
  expect_bad("data_offsets", {10, 16}, "begins at 10 where 16 was expected");
  expect_bad("data_offsets", {16, 99}, "outside of the file");
  expect_bad("data_offsets", {22, 16}, "outside of the file");
}

}  // namespace
}  // namespace hearth::convert
