#include "api/llama_server/completion_request.h"

#include "api/sampling_fields.h"
#include "api/token_lists.h"

namespace hearth::api::llama_server {
namespace {

using serving::GenerationRequest;
using serving::InfillPrompt;

constexpr size_t kMaxPrompts = 16;
constexpr size_t kMaxResponseFields = 64;
constexpr size_t kMaxFiles = 256;

Parsed<void> read_format(const Json& body, GenerationRequest& generation) {
  HEARTH_API_TRY(auto grammar, read_string(body, "grammar", "grammar", kNoLimit));
  const Json* schema = find(body, "json_schema");
  if (!grammar.empty() && schema != nullptr)
    return refuse("grammar", "cannot be given together with json_schema");
  if (!grammar.empty()) generation.format = serving::GbnfFormat{std::move(grammar)};
  if (schema == nullptr) return {};
  if (!schema->is_object())
    return refuse("json_schema", shown(*schema) + ", must be an object (a JSON schema)");
  generation.format = serving::JsonSchemaFormat{schema->dump()};
  return {};
}

// What both routes share; the prompt is left to them.
Parsed<GenerationRequest> read_common(const Json& body, CompletionRequest& request) {
  GenerationRequest generation;
  HEARTH_API_TRY(generation.model, read_string(body, "model", "model", kMaxNameBytes));
  HEARTH_API_CHECK(read_sampling_fields(body, "", generation));
  HEARTH_API_CHECK(read_format(body, generation));
  HEARTH_API_TRY(request.stream, read_bool(body, "stream", false));
  HEARTH_API_TRY(request.return_tokens, read_bool(body, "return_tokens", false));
  HEARTH_API_TRY(request.return_progress, read_bool(body, "return_progress", false));
  HEARTH_API_TRY(const auto n_probs, read_integer(body, "n_probs", 0, kMaxTopLogprobs));
  generation.top_logprobs = static_cast<int>(n_probs.value_or(0));
  request.probabilities = generation.top_logprobs > 0;
  // Ids come with log-probabilities.
  generation.logprobs = request.probabilities || request.return_tokens;
  const Json* fields = find(body, "response_fields");
  if (fields == nullptr) return generation;
  if (!fields->is_array() || fields->size() > kMaxResponseFields) {
    return refuse("response_fields", fmt::format("must be a list of at most {} names", kMaxResponseFields));
  }
  for (const Json& field : *fields) {
    if (!field.is_string()) return refuse("response_fields", "must hold strings only");
    request.response_fields.push_back(field.get<std::string>());
  }
  return generation;
}

Parsed<std::vector<InfillPrompt::File>> read_files(const Json& body) {
  std::vector<InfillPrompt::File> files;
  const Json* list = find(body, "input_extra");
  if (list == nullptr) return files;
  if (!list->is_array() || list->size() > kMaxFiles) {
    return refuse("input_extra", fmt::format("must be a list of at most {} files", kMaxFiles));
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string where = at("input_extra", i);
    const Json& item = (*list)[i];
    if (!item.is_object()) return refuse(where, "must be an object");
    InfillPrompt::File file;
    HEARTH_API_TRY(file.name, read_string(item, "filename", where + ".filename", kMaxNameBytes));
    if (find(item, "text") == nullptr) return refuse(where + ".text", "is missing");
    HEARTH_API_TRY(file.text, read_string(item, "text", where + ".text", kNoLimit));
    if (file.name.empty()) file.name = "tmp";
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

Parsed<CompletionRequest> parse_completion_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  CompletionRequest request;
  HEARTH_API_TRY(const GenerationRequest generation, read_common(body, request));
  HEARTH_API_TRY(auto prompts, read_texts(body, "prompt", kMaxPrompts));
  const Json& prompt = *find(body, "prompt");
  request.list = prompt.is_array() && !is_token_list(prompt);
  for (TextOrTokens& one : prompts) {
    GenerationRequest& next = request.generations.emplace_back(generation);
    if (auto* words = std::get_if<std::string>(&one)) {
      next.prompt = serving::TextPrompt{std::move(*words), true};
    } else {
      next.prompt = std::move(std::get<TokenIds>(one));
    }
  }
  return request;
}

Parsed<CompletionRequest> parse_infill_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  CompletionRequest request;
  HEARTH_API_TRY(GenerationRequest generation, read_common(body, request));
  for (const char* name : {"input_prefix", "input_suffix"}) {
    if (find(body, name) == nullptr) return refuse(name, "is missing");
  }
  InfillPrompt gap;
  HEARTH_API_TRY(gap.prefix, read_string(body, "input_prefix", "input_prefix", kNoLimit));
  HEARTH_API_TRY(gap.suffix, read_string(body, "input_suffix", "input_suffix", kNoLimit));
  HEARTH_API_TRY(gap.beginning, read_string(body, "prompt", "prompt", kNoLimit));
  HEARTH_API_TRY(gap.files, read_files(body));
  generation.prompt = std::move(gap);
  request.generations.push_back(std::move(generation));
  return request;
}

}  // namespace hearth::api::llama_server
