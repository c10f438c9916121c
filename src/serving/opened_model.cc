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
Result<int64_t> plan_context(const model::ModelConfig& config, int64_t wanted) {
  if (wanted == 0) return std::min(config.context_length, kDefaultContext);
  // Encoders have their own, small limit: a context that was asked for is for the models that generate.
  if (config.is_encoder) return std::min(config.context_length, wanted);
  if (wanted > config.context_length) {
    return fail(ErrorCategory::kInvalidArgument,
                "a context of {} tokens was asked for, the model was made for {}", wanted,
                config.context_length);
  }
  return wanted;
}

}  // namespace

Result<std::shared_ptr<const OpenedModel>> OpenedModel::open(
    const std::filesystem::path& path, std::string name, int64_t context_length,
    std::shared_ptr<const text::LineRules> prompt_rules) {
  HEARTH_TRY(gguf::ModelFile file, gguf::ModelFile::open(path));
  const std::shared_ptr<OpenedModel> opened(new OpenedModel(std::move(file)));
  HEARTH_TRY(opened->text_, TextModel::open(opened->file_, std::move(prompt_rules)));
  HEARTH_TRY(opened->card_, read_model_card(opened->file_));
  HEARTH_TRY(const model::ModelConfig config, model::read_config(opened->file_));
  HEARTH_TRY(const int64_t context, plan_context(config, context_length));
  const ModelCard& card = opened->card_;
  opened->summary_ = {.name = std::move(name),
                      .path = path.string(),
                      .architecture = card.architecture,
                      .quantisation = card.main_type(),
                      .size_bytes = card.size_bytes,
                      .n_parameters = card.parameters,
                      .context_length = context,
                      .modified_unix_seconds = modified_seconds(path),
                      .capabilities = card.capabilities,
                      .loaded = false};
  return opened;
}

Result<ModelDetails> OpenedModel::describe() const {
  ModelDetails details;
  details.summary = summary_;
  details.card = card_;
  HEARTH_TRY(const auto chat_template, file_.metadata().get_string("tokenizer.chat_template"));
  details.chat_template = std::string(chat_template.value_or(std::string_view()));
  HEARTH_TRY(details.metadata, metadata_value(file_.metadata()));
  return details;
}

}  // namespace hearth::serving
