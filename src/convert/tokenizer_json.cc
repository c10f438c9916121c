// tokenizer.json and tokenizer_config.json to the tokenizer.* keys of GGUF.
//
// Three kinds of byte-pair encoding are told by how they treat text before the merges: bytes spelled as
// letters (GPT-2's way: Llama 3, Qwen), where the pattern that cuts words says which pre-tokenizer it is; and
// characters with a byte fallback, either Gemma 4's, or Llama 2's with its space in front.
#include <algorithm>

#include "convert/checkpoint.h"
#include "gguf/limits.h"
#include "gguf/printable.h"

namespace hearth::convert {
namespace {

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr auto kUnsupported = ErrorCategory::kUnsupported;
constexpr uint64_t kMaxTokenizerBytes = 256 << 20;
constexpr uint64_t kMaxTokens = 1 << 24;

enum TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

// The patterns of published tokenizers, and the names that GGUF has for them.
struct KnownPattern {
  std::string_view pattern, name;
};
constexpr KnownPattern kPatterns[] = {
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "llama-bpe"},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "qwen2"},
};

// Every step of a pre-tokenizer, a sequence or one alone.
std::vector<const Json*> steps_of(const Json& root, std::string_view part) {
  const Json* step = find_member(root, part);
  if (step == nullptr) return {};
  std::string list(part);
  list += "s";  // "pretokenizers", "normalizers", "decoders"
  if (part == "pre_tokenizer") list = "pretokenizers";
  const Json* all = find_member(*step, list);
  if (all == nullptr || !all->is_array()) return {step};
  std::vector<const Json*> steps;
  for (const Json& one : *all) steps.push_back(&one);
  return steps;
}

bool is_type(const Json* step, std::string_view type) {
  const Json* name = find_member(*step, "type");
  return name != nullptr && name->is_string() && name->get_ref<const std::string&>() == type;
}

class TokenizerConverter {
 public:
  TokenizerConverter(Json root, Json settings, uint64_t vocab_size, ModelSource& source)
      : root_(std::move(root)), settings_(std::move(settings)), vocab_size_(vocab_size), source_(source) {}

  Status convert();

 private:
  Status choose_kind();
  Status read_tokens();
  Status read_added_tokens();
  Status read_merges();
  Status add_special_ids();
  Status add_id(std::string_view key, const Json* token);
  Status add_chat_template();
  Status place(const std::string& text, const Json& id, int32_t type);

  Json root_, settings_;
  uint64_t vocab_size_;
  ModelSource& source_;
  std::string model_, pre_;
  std::vector<std::string> tokens_;
  std::vector<int32_t> types_;
  std::vector<std::string> merges_;
};

Status TokenizerConverter::choose_kind() {
  const Json* model = find_member(root_, "model");
  if (model == nullptr || !is_type(model, "BPE")) {
    return fail(kUnsupported, "a tokenizer other than BPE cannot be converted");
  }
  for (const Json* step : steps_of(root_, "pre_tokenizer")) {
    if (!is_type(step, "Split")) continue;
    const Json* pattern = find_member(*step, "pattern");
    HEARTH_TRY(const auto regex, get_string(pattern == nullptr ? Json() : *pattern, "Regex"));
    if (!regex) continue;
    for (const KnownPattern& known : kPatterns) {
      if (known.pattern == *regex) pre_ = known.name;
    }
    if (pre_.empty()) {
      return fail(kUnsupported, "the tokenizer cuts words with a pattern that is not known: {}",
                  gguf::printable(*regex));
    }
  }
  if (!pre_.empty()) {
    model_ = "gpt2";
    return {};
  }
  HEARTH_TRY(const auto fallback, get_bool(*model, "byte_fallback"));
  if (!fallback.value_or(false)) {
    return fail(kUnsupported,
                "a BPE tokenizer with neither a known pattern nor byte fallback cannot be converted");
  }
  bool prepends = false;
  for (const Json* step : steps_of(root_, "normalizer")) prepends = prepends || is_type(step, "Prepend");
  for (const Json* step : steps_of(root_, "pre_tokenizer")) prepends = prepends || is_type(step, "Metaspace");
  model_ = prepends ? "llama" : "gemma4";
  if ((source_.architecture == "gemma4") != (model_ == "gemma4")) {
    return fail(kUnsupported, "a {} model with this kind of tokenizer cannot be converted",
                source_.architecture);
  }
  return {};
}

Status TokenizerConverter::place(const std::string& text, const Json& id, int32_t type) {
  if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab_size_) {
    return fail(kCorrupt, "token {}: its id is outside of the vocabulary of {}", gguf::printable(text),
                vocab_size_);
  }
  const auto index = id.get<size_t>();
  tokens_[index] = text;
  types_[index] = type;
  return {};
}

Status TokenizerConverter::read_tokens() {
  if (vocab_size_ == 0 || vocab_size_ > kMaxTokens) return fail(kCorrupt, "{} tokens", vocab_size_);
  const Json* vocabulary = find_member(root_["model"], "vocab");
  if (vocabulary == nullptr || !vocabulary->is_object()) return fail(kCorrupt, "there is no model.vocab");
  // Rows of the embedding that no token has.
  tokens_.resize(vocab_size_);
  types_.assign(vocab_size_, kUnused);
  for (const auto& [text, id] : vocabulary->items()) {
    const bool byte = model_ != "gpt2" && text.size() == 6 && text.starts_with("<0x") && text.ends_with('>');
    HEARTH_CHECK_OK(place(text, id, byte ? kByte : kNormal));
  }
  HEARTH_TRY(const auto unknown, get_string(root_["model"], "unk_token"));
  HEARTH_CHECK_OK(read_added_tokens());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (types_[i] == kUnused && tokens_[i].empty()) tokens_[i] = fmt::format("[PAD{}]", i);
    if (unknown && tokens_[i] == *unknown && model_ != "gpt2") types_[i] = kUnknown;
  }
  return {};
}

Status TokenizerConverter::read_added_tokens() {
  const Json* added = find_member(root_, "added_tokens");
  if (added == nullptr) return {};
  if (!added->is_array()) return fail(kCorrupt, "added_tokens is no list");
  for (const Json& token : *added) {
    HEARTH_TRY(const auto text, get_string(token, "content"));
    HEARTH_TRY(const auto special, get_bool(token, "special"));
    const Json* id = find_member(token, "id");
    if (!text || id == nullptr) return fail(kCorrupt, "an added token without content or id");
    // Gemma 4's quotes, channels and calls are to be seen by whoever reads the text.
    const bool shown = model_ == "gemma4" && id->is_number_unsigned() &&
                       ((*id >= 48 && *id <= 52) || *id == 100 || *id == 101);
    HEARTH_CHECK_OK(place(*text, *id, special.value_or(false) && !shown ? kControl : kUserDefined));
  }
  return {};
}

Status TokenizerConverter::read_merges() {
  const Json* merges = find_member(root_["model"], "merges");
  if (merges == nullptr || !merges->is_array()) return fail(kCorrupt, "there is no list model.merges");
  for (const Json& merge : *merges) {
    // Either "left right", or a pair.
    if (merge.is_string()) {
      merges_.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merges_.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      return fail(kCorrupt, "merge {} is not a pair of tokens", merges_.size());
    }
  }
  return {};
}

// `token` as tokenizer_config.json has it: its text, or an object with the text.
Status TokenizerConverter::add_id(std::string_view key, const Json* token) {
  if (token != nullptr && token->is_object()) token = find_member(*token, "content");
  if (token == nullptr) return {};
  if (!token->is_string()) return fail(kCorrupt, "tokenizer_config.json: a special token is no text");
  const auto found = std::find(tokens_.begin(), tokens_.end(), token->get_ref<const std::string&>());
  if (found == tokens_.end()) {
    return fail(kCorrupt, "tokenizer_config.json: {} is not in the vocabulary",
                gguf::printable(token->get_ref<const std::string&>()));
  }
  source_.writer.add_uint32(key, static_cast<uint32_t>(found - tokens_.begin()));
  return {};
}

Status TokenizerConverter::add_special_ids() {
  HEARTH_CHECK_OK(add_id("tokenizer.ggml.bos_token_id", find_member(settings_, "bos_token")));
  HEARTH_CHECK_OK(add_id("tokenizer.ggml.eos_token_id", find_member(settings_, "eos_token")));
  HEARTH_CHECK_OK(add_id("tokenizer.ggml.unknown_token_id", find_member(settings_, "unk_token")));
  HEARTH_CHECK_OK(add_id("tokenizer.ggml.padding_token_id", find_member(settings_, "pad_token")));
  HEARTH_TRY(const auto add_bos, get_bool(settings_, "add_bos_token"));
  HEARTH_TRY(const auto add_eos, get_bool(settings_, "add_eos_token"));
  // Where the settings do not say, the post-processor's template does: Llama 3 and Gemma begin with BOS.
  const bool has_bos = find_member(settings_, "bos_token") != nullptr;
  source_.writer.add_bool("tokenizer.ggml.add_bos_token",
                          add_bos.value_or(has_bos && (pre_ == "llama-bpe" || model_ != "gpt2")));
  source_.writer.add_bool("tokenizer.ggml.add_eos_token", add_eos.value_or(false));
  if (model_ != "gpt2") source_.writer.add_bool("tokenizer.ggml.add_space_prefix", model_ == "llama");
  return {};
}

Status TokenizerConverter::add_chat_template() {
  const Json* chat_template = find_member(settings_, "chat_template");
  if (chat_template == nullptr) return {};
  const auto checked = [](const Json* text) -> Result<std::string> {
    if (text == nullptr || !text->is_string() ||
        text->get_ref<const std::string&>().size() > gguf::kMaxChatTemplateBytes) {
      return fail(kCorrupt, "tokenizer_config.json: the chat template is no text of a usual size");
    }
    return text->get<std::string>();
  };
  if (!chat_template->is_array()) {
    HEARTH_TRY(const std::string text, checked(chat_template));
    source_.writer.add_string("tokenizer.chat_template", text);
    return {};
  }
  std::vector<std::string> names;
  for (const Json& one : *chat_template) {
    HEARTH_TRY(const auto name, get_string(one, "name"));
    HEARTH_TRY(const std::string text, checked(find_member(one, "template")));
    if (!name) return fail(kCorrupt, "tokenizer_config.json: a chat template without name");
    if (*name == "default") {
      source_.writer.add_string("tokenizer.chat_template", text);
    } else {
      source_.writer.add_string("tokenizer.chat_template." + *name, text);
      names.push_back(*name);
    }
  }
  if (!names.empty()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    source_.writer.add_string_array("tokenizer.chat_templates", views);
  }
  return {};
}

Status TokenizerConverter::convert() {
  HEARTH_CHECK_OK(choose_kind());
  HEARTH_CHECK_OK(read_tokens());
  HEARTH_CHECK_OK(read_merges());
  gguf::GgufWriter& writer = source_.writer;
  writer.add_string("tokenizer.ggml.model", model_);
  if (!pre_.empty()) writer.add_string("tokenizer.ggml.pre", pre_);
  const std::vector<std::string_view> tokens(tokens_.begin(), tokens_.end());
  writer.add_string_array("tokenizer.ggml.tokens", tokens);
  writer.add_int_array("tokenizer.ggml.token_type", types_);
  if (model_ == "llama") {
    // The scores of such vocabularies fall by one from token to token, in the order of the merges.
    std::vector<float> scores;
    for (size_t i = 0; i < tokens_.size(); ++i)
      scores.push_back(types_[i] == kNormal ? -static_cast<float>(i) : 0);
    writer.add_float_array("tokenizer.ggml.scores", scores);
  } else {
    const std::vector<std::string_view> merges(merges_.begin(), merges_.end());
    writer.add_string_array("tokenizer.ggml.merges", merges);
  }
  HEARTH_CHECK_OK(add_special_ids());
  return add_chat_template();
}

}  // namespace

Status add_tokenizer(const Checkpoint& checkpoint, uint64_t vocab_size, ModelSource& source) {
  const std::filesystem::path* path = checkpoint.file("tokenizer.json");
  if (path == nullptr) {
    return fail(ErrorCategory::kNotFound, "tokenizer.json is missing; without it there are no words");
  }
  HEARTH_TRY(Json root, read_json(*path, kMaxTokenizerBytes));
  Json settings = Json::object();
  if (const std::filesystem::path* more = checkpoint.file("tokenizer_config.json")) {
    HEARTH_TRY(settings, read_json(*more, kMaxTokenizerBytes));
  }
  // Newer checkpoints have the template in a file of its own.
  const std::filesystem::path* chat_template = checkpoint.file("chat_template.jinja");
  if (settings.is_object() && !settings.contains("chat_template") && chat_template != nullptr) {
    HEARTH_TRY(const MappedFile file, MappedFile::open(*chat_template));
    const auto bytes = file.bytes();
    settings["chat_template"] = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  if (!root.is_object() || !settings.is_object()) return fail(kCorrupt, "tokenizer.json: no object");
  auto done = TokenizerConverter(std::move(root), std::move(settings), vocab_size, source).convert();
  if (!done) return propagate(std::move(done).error(), "tokenizer.json");
  return {};
}

}  // namespace hearth::convert
