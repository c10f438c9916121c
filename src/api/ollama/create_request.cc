#include "api/ollama/create_request.h"

#include "api/ollama/fields.h"
#include "store/model_layers.h"

namespace hearth::api::ollama {
namespace {

Parsed<store::ModelName> read_name(const std::string& text) {
  auto name = store::ModelName::parse(text);
  if (!name) return refuse_with(name.error().message);
  return *std::move(name);
}

Parsed<std::optional<std::string>> read_text(const Json& body, const char* name) {
  if (find(body, name) == nullptr) return std::optional<std::string>();
  HEARTH_API_TRY(std::string text, read_string(body, name, name, kNoLimit));
  return std::optional<std::string>(std::move(text));
}

Parsed<void> read_licenses(const Json& body, store::Modelfile& file) {
  const Json* license = find(body, "license");
  if (license == nullptr) return {};
  for (const Json& item : license->is_array() ? *license : Json::array({*license})) {
    if (!item.is_string()) return refuse("license", "must be a string or a list of strings");
    file.licenses.push_back(item.get<std::string>());
  }
  return {};
}

Parsed<void> read_messages(const Json& body, store::Modelfile& file) {
  const Json* messages = find(body, "messages");
  if (messages == nullptr) return {};
  if (!messages->is_array()) return refuse("messages", "must be a list");
  for (size_t i = 0; i < messages->size(); ++i) {
    const Json& message = (*messages)[i];
    const std::string where = at("messages", i);
    if (!message.is_object()) return refuse(where, "must be an object");
    HEARTH_API_TRY(std::string role, read_string(message, "role", where + ".role", kMaxNameBytes));
    HEARTH_API_TRY(std::string content, read_string(message, "content", where + ".content", kNoLimit));
    if (role != "system" && role != "user" && role != "assistant") {
      return refuse(where + ".role", "must be system, user or assistant");
    }
    file.messages.push_back({std::move(role), std::move(content)});
  }
  return {};
}

// "files": {name: digest}: one GGUF file, all parts of a model, or a checkpoint.
Parsed<std::map<std::string, std::string, std::less<>>> read_files(const Json& files) {
  if (!files.is_object() || files.empty())
    return refuse("files", "must be an object of file names and digests");
  std::map<std::string, std::string, std::less<>> digests;
  for (const auto& [name, digest] : files.items()) {
    if (!digest.is_string() || !store::check_digest(digest.get<std::string>())) {
      return refuse("files." + name, "must be a digest: sha256: and 64 hexadecimal digits");
    }
    digests.emplace(name, digest.get<std::string>());
  }
  return digests;
}

Parsed<void> refuse_unsupported(const Json& body) {
  const auto given = [&](const char* name) {
    const Json* value = find(body, name);
    return value != nullptr && !value->empty() && !(value->is_string() && value->get<std::string>().empty());
  };
  if (given("adapters")) {
    return refuse_with(
        "adapters are not applied while a model runs; merge them into the weights and upload those");
  }
  if (given("draft_files")) {
    return refuse_with("a second model is not used to draft; leave draft_files out");
  }
  return {};
}

}  // namespace

Parsed<CreateRequest> parse_create_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  CreateRequest request;
  HEARTH_API_TRY(const std::string name, read_model(body));
  HEARTH_API_TRY(request.name, read_name(name));
  HEARTH_API_TRY(request.stream, read_bool(body, "stream", true));
  HEARTH_API_CHECK(refuse_unsupported(body));
  store::Modelfile& file = request.modelfile;
  HEARTH_API_TRY(std::string from, read_string(body, "from", "from", kMaxNameBytes));
  HEARTH_API_TRY(const auto modelfile, read_text(body, "modelfile"));
  if (modelfile) {
    auto parsed = store::parse_modelfile(*modelfile);
    if (!parsed) return refuse_with(parsed.error().message);
    file = *std::move(parsed);
    if (file.from.size() != 1) return refuse_with("one FROM line is expected");
    from = file.from.front();
  }
  if (const Json* files = find(body, "files"); files != nullptr && !files->empty()) {
    if (!from.empty()) return refuse_with("give either \"from\" or \"files\"");
    HEARTH_API_TRY(request.source.blobs, read_files(*files));
  } else if (!from.empty()) {
    HEARTH_API_TRY(const store::ModelName base, read_name(from));
    request.source.model = base.text();
  } else {
    return refuse_with("neither \"from\" nor \"files\" was given: one says what the model is made from");
  }
  for (const char* name : {"quantization", "quantize"}) {  // an older and the present name
    HEARTH_API_TRY(std::string type, read_string(body, name, name, kMaxNameBytes));
    if (!type.empty()) request.source.quantize = std::move(type);
  }
  HEARTH_API_TRY(auto chat_template, read_text(body, "template"));
  HEARTH_API_TRY(auto system, read_text(body, "system"));
  if (chat_template) file.template_text = std::move(chat_template);
  if (system) file.system = std::move(system);
  HEARTH_API_CHECK(read_licenses(body, file));
  HEARTH_API_CHECK(read_messages(body, file));
  if (const Json* parameters = find(body, "parameters")) {
    auto read = store::parameters_from_json(dump(*parameters));
    if (!read) return refuse_with("parameters: " + read.error().message);
    file.parameters = *std::move(read);
  }
  return request;
}

}  // namespace hearth::api::ollama
