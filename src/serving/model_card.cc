#include "serving/model_card.h"

#include <algorithm>
#include <cctype>

#include "serving/sampling_defaults.h"
#include "text/output/syntax_detection.h"

namespace hearth::serving {
namespace {

// Reads optional keys; a key of the wrong type becomes a warning.
class CardReader {
 public:
  CardReader(const gguf::Metadata& metadata, std::vector<std::string>& warnings)
      : metadata_(metadata), warnings_(warnings) {}

  std::string text(std::string_view key) {
    return std::string(taken(metadata_.get_string(key)).value_or(std::string_view()));
  }
  std::optional<uint64_t> number(const std::string& key) { return taken(metadata_.get_uint(key)); }

  // A number, or the largest of one number per layer.
  std::optional<uint64_t> largest(const std::string& key) {
    const auto values = taken(metadata_.get_int_array(key));
    if (!values || values->empty()) return std::nullopt;
    return static_cast<uint64_t>(std::max<int64_t>(0, *std::max_element(values->begin(), values->end())));
  }

 private:
  template <typename T>
  std::optional<T> taken(Result<std::optional<T>> result) {
    if (result) return *std::move(result);
    warnings_.push_back(std::move(result).error().message);
    return std::nullopt;
  }

  const gguf::Metadata& metadata_;
  std::vector<std::string>& warnings_;
};

// The name without folder, shard suffix and ".gguf".
std::string file_label(const gguf::ModelFile& file) {
  if (file.shards().empty()) return {};
  std::string stem = file.shards().front().path().stem().string();
  constexpr std::string_view kPattern = "-00000-of-00000";
  if (stem.size() > kPattern.size()) {
    const std::string_view suffix = std::string_view(stem).substr(stem.size() - kPattern.size());
    const bool shard = std::equal(suffix.begin(), suffix.end(), kPattern.begin(), [](char c, char p) {
      return p == '0' ? std::isdigit(static_cast<unsigned char>(c)) != 0 : c == p;
    });
    if (shard) stem.resize(stem.size() - kPattern.size());
  }
  return stem;
}

void read_tensors(const gguf::ModelFile& file, ModelCard& card) {
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    auto share = std::find_if(card.quantisation.begin(), card.quantisation.end(),
                              [&](const TensorTypeShare& s) { return s.dtype == tensor.dtype; });
    if (share == card.quantisation.end()) {
      share = card.quantisation.insert(card.quantisation.end(), TensorTypeShare{.dtype = tensor.dtype});
    }
    ++share->tensors;
    share->parameters += tensor.n_elements();
    share->bytes += tensor.bytes.size();
    ++card.tensors;
    card.parameters += tensor.n_elements();
    // Image encoders stored beside the text model.
    if (tensor.name.starts_with("v.")) card.capabilities.vision = true;
  }
  std::stable_sort(card.quantisation.begin(), card.quantisation.end(),
                   [](const TensorTypeShare& a, const TensorTypeShare& b) { return a.bytes > b.bytes; });
}

void read_capabilities(const std::string& chat_template, CardReader& reader, ModelCard& card) {
  const bool encoder = card.architecture.find("bert") != std::string::npos ||
                       card.architecture.ends_with("-embedding") || card.architecture == "t5encoder";
  card.capabilities.embedding =
      encoder || reader.number(card.architecture + ".pooling_type").value_or(0) != 0;
  card.capabilities.completion =
      !card.capabilities.embedding && card.architecture != "clip" && card.tensors > 0;
  if (chat_template.empty()) return;
  card.capabilities.chat = card.capabilities.completion;
  const auto add = [&](std::string_view source, std::string_view key) {
    const auto compiled = text::ChatTemplate::compile(source);
    if (!compiled) {
      card.warnings.push_back(fmt::format("{}: {}", key, compiled.error().message));
      return;
    }
    card.capabilities.tools |= offers_tools(*compiled, source);
    card.capabilities.thinking |= compiled->supports_thinking();
  };
  add(chat_template, "tokenizer.chat_template");
  if (const std::string with_tools = reader.text("tokenizer.chat_template.tool_use"); !with_tools.empty()) {
    add(with_tools, "tokenizer.chat_template.tool_use");
  }
}

}  // namespace

std::string ModelCard::main_type() const {
  const auto most = std::max_element(
      quantisation.begin(), quantisation.end(),
      [](const TensorTypeShare& a, const TensorTypeShare& b) { return a.parameters < b.parameters; });
  return most == quantisation.end() ? std::string() : std::string(kernels::traits_of(most->dtype).name);
}

bool offers_tools(const text::ChatTemplate& chat, std::string_view source) {
  return chat.supports_tools() && text::detect_output_syntax(chat, source).calls != text::CallNotation::kNone;
}

Result<ModelCard> read_model_card(const gguf::ModelFile& file) {
  const gguf::Metadata& metadata = file.metadata();
  HEARTH_TRY(const auto architecture, metadata.get_string("general.architecture"));
  if (!architecture || architecture->empty()) {
    return fail(ErrorCategory::kCorrupt,
                "the file does not say what architecture it is (general.architecture)");
  }
  ModelCard card;
  CardReader reader(metadata, card.warnings);
  card.architecture = std::string(*architecture);
  card.name = reader.text("general.name");
  if (card.name.empty()) card.name = file_label(file);
  card.size_label = reader.text("general.size_label");
  card.author = reader.text("general.author");
  card.organization = reader.text("general.organization");
  card.version = reader.text("general.version");
  card.description = reader.text("general.description");
  card.license = reader.text("general.license");
  card.url = reader.text("general.url");

  card.gguf_version = file.version();
  card.size_bytes = file.size_bytes();
  card.shards = file.shards().size();
  read_tensors(file, card);

  const std::string prefix = card.architecture + ".";
  card.context_length = reader.number(prefix + "context_length");
  card.embedding_length = reader.number(prefix + "embedding_length");
  card.layers = reader.number(prefix + "block_count");
  card.heads = reader.largest(prefix + "attention.head_count");
  card.kv_heads = reader.largest(prefix + "attention.head_count_kv");
  card.experts = reader.number(prefix + "expert_count");
  card.experts_used = reader.number(prefix + "expert_used_count");

  card.tokenizer = reader.text("tokenizer.ggml.model");
  card.pre_tokenizer = reader.text("tokenizer.ggml.pre");
  if (const auto tokens = metadata.get_string_array("tokenizer.ggml.tokens"); tokens && *tokens) {
    card.vocabulary_size = (*tokens)->size();
  }
  const std::string chat_template = reader.text("tokenizer.chat_template");
  card.has_chat_template = !chat_template.empty();
  read_capabilities(chat_template, reader, card);

  card.sampling = default_sampling(metadata, &card.warnings);
  for (const gguf::MetadataEntry& entry : metadata.entries()) {
    card.has_sampling |= entry.key.starts_with("general.sampling.");
  }
  return card;
}

}  // namespace hearth::serving
