#include "serving/opened_model.h"

#include <algorithm>
#include <chrono>

#include "model/families/family.h"
#include "serving/metadata_value.h"

namespace hearth::serving {
namespace {

constexpr int64_t kDefaultContext = 8192;

int64_t modified_seconds(const std::filesystem::path& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return 0;
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::file_clock::to_sys(time).time_since_epoch())
      .count();
}

// Tokens a request may use.
Result<int64_t> plan_context(const model::ModelConfig& config, const OpenedModel::Options& options) {
  const int64_t wanted = options.defaults.context_length.value_or(options.context_length);
  if (wanted == 0) return std::min(config.context_length, kDefaultContext);
  // Encoders have their own, small limit: a context that was asked for is for the models that generate.
  if (config.is_encoder || !options.strict_context) return std::min(config.context_length, wanted);
  if (wanted > config.context_length) {
    return fail(ErrorCategory::kInvalidArgument,
                "a context of {} tokens was asked for, the model was made for {}", wanted,
                config.context_length);
  }
  return wanted;
}

Result<ModelCard> read_card(const gguf::ModelFile& file, const ModelDefaults& defaults) {
  HEARTH_TRY(ModelCard card, read_model_card(file));
  if (!defaults.chat_template.empty()) {
    HEARTH_TRY(const text::ChatTemplate chat, text::ChatTemplate::compile(defaults.chat_template));
    card.capabilities.chat = card.capabilities.completion;
    card.capabilities.tools = offers_tools(chat, defaults.chat_template);
    card.capabilities.thinking = chat.supports_thinking();
  }
  card.warnings.insert(card.warnings.end(), defaults.warnings.begin(), defaults.warnings.end());
  return card;
}

Result<ModelSummary> summary_of(const gguf::ModelFile& file, const ModelCard& card,
                                const OpenedModel::Options& options) {
  HEARTH_TRY(const model::ModelConfig config, model::read_config(file));
  HEARTH_TRY(const int64_t context, plan_context(config, options));
  const std::filesystem::path& path = file.shards().front().path();
  return ModelSummary{.name = options.name,
                      .path = path.string(),
                      .architecture = card.architecture,
                      .quantisation = card.main_type(),
                      .size_bytes = card.size_bytes,
                      .n_parameters = card.parameters,
                      .context_length = context,
                      .modified_unix_seconds = modified_seconds(path),
                      .capabilities = card.capabilities,
                      .loaded = false,
                      .digest = options.digest};
}

}  // namespace

Result<std::shared_ptr<const OpenedModel>> OpenedModel::open(std::span<const std::filesystem::path> shards,
                                                             Options options) {
  HEARTH_TRY(gguf::ModelFile file, gguf::ModelFile::open(shards));
  const std::shared_ptr<OpenedModel> opened(new OpenedModel(std::move(file)));
  HEARTH_TRY(opened->text_, TextModel::open(opened->file_, options.prompt_rules, options.defaults));
  HEARTH_TRY(opened->card_, read_card(opened->file_, options.defaults));
  HEARTH_TRY(opened->summary_, summary_of(opened->file_, opened->card_, options));
  opened->defaults_ = std::move(options.defaults);
  return opened;
}

Result<ModelSummary> OpenedModel::summarise(std::span<const std::filesystem::path> shards,
                                            const Options& options) {
  HEARTH_TRY(const gguf::ModelFile file, gguf::ModelFile::open(shards));
  HEARTH_TRY(const ModelCard card, read_card(file, options.defaults));
  return summary_of(file, card, options);
}

Result<ModelDetails> OpenedModel::describe() const {
  ModelDetails details;
  details.summary = summary_;
  details.card = card_;
  HEARTH_TRY(const auto chat_template, file_.metadata().get_string("tokenizer.chat_template"));
  details.chat_template = defaults_.chat_template.empty()
                              ? std::string(chat_template.value_or(std::string_view()))
                              : defaults_.chat_template;
  details.defaults = defaults_;
  HEARTH_TRY(details.metadata, metadata_value(file_.metadata()));
  return details;
}

}  // namespace hearth::serving
