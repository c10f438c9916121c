#include "serving/model_creation.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <span>
#include <vector>

#include "base/random_id.h"
#include "gguf/model_file.h"
#include "gguf/shards.h"
#include "model/families/family.h"
#include "serving/model_card.h"
#include "serving/model_defaults.h"
#include "serving/vocabulary_loader.h"
#include "store/gguf_folder.h"
#include "store/model_layers.h"
#include "text/chat_template.h"

namespace hearth::serving {
namespace {

using store::ImageConfig;
using store::Layer;
using store::Manifest;
namespace media_type = store::media_type;

constexpr std::string_view kCheckpointMark = "config.json";  // every checkpoint has it
constexpr size_t kCopyBytes = size_t{1} << 20;

std::filesystem::path expanded(std::string_view from, const std::filesystem::path& folder) {
  if (from == "~" || from.starts_with("~/")) {
    if (const char* home = std::getenv("HOME"))
      return std::filesystem::path(home) / from.substr(std::min<size_t>(2, from.size()));
  }
  return folder / from;
}

// Of a model that another can be made from: its family and its words are known. All of its files, or one that
// leads to the others.
Result<ModelCard> usable_card(std::span<const std::filesystem::path> files) {
  HEARTH_TRY(const gguf::ModelFile file, gguf::ModelFile::open(files));
  HEARTH_TRY(ModelCard card, read_model_card(file));
  HEARTH_TRY([[maybe_unused]] const model::ModelConfig config, model::read_config(file));
  HEARTH_TRY([[maybe_unused]] const text::VocabularySpec words, read_vocabulary(file));
  return card;
}

// A file that goes, unless it has got another name by then.
class DraftFile {
 public:
  explicit DraftFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~DraftFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;

 private:
  std::filesystem::path path_;
};

class Creation {
 public:
  Creation(store::ModelStore& models, const ConvertWeights& convert, const OnCreationStep& on_step)
      : models_(models), convert_(convert), on_step_(on_step) {}

  Result<store::StoredModel> run(const store::ModelName& name, const WeightSource& source,
                                 const store::Modelfile& changes) {
    if (changes.template_text) {
      const auto compiled = text::ChatTemplate::compile(*changes.template_text);
      if (!compiled) return fail(ErrorCategory::kInvalidArgument, "TEMPLATE: {}", compiled.error().message);
    }
    for (const store::Modelfile::Parameter& parameter : changes.parameters) {
      if (Status known = check_parameter(parameter); !known) {
        return propagate(std::move(known).error(), "PARAMETER " + parameter.name);
      }
    }
    HEARTH_TRY(const store::FileLock writing, models_.begin_writing());
    store::ModelOverrides words;
    Manifest manifest;
    WeightConversion conversion{.name = name.text(), .quantize = source.quantize};
    if (!source.model.empty()) {
      HEARTH_TRY(const store::StoredModel base, models_.find(source.model));
      HEARTH_TRY(words, models_.overrides(base));
      HEARTH_CHECK_OK(take_model(base, conversion, manifest.layers));
    } else if (!source.file.empty()) {
      HEARTH_CHECK_OK(take_file(source.file, conversion, manifest.layers));
    } else if (!source.blobs.empty()) {
      HEARTH_CHECK_OK(take_blobs(source.blobs, conversion, manifest.layers));
    } else {
      conversion.checkpoint = source.checkpoint;
    }
    if (manifest.find(media_type::kModel) == nullptr) {
      HEARTH_TRY(Layer weights, converted(std::move(conversion)));
      manifest.layers.push_back(std::move(weights));
    }
    HEARTH_TRY(const ImageConfig config, describe(manifest));
    HEARTH_TRY(const std::vector<Layer> layers,
               store::add_layers(models_.blobs(), store::merged(std::move(words), changes)));
    for (const Layer& layer : layers) HEARTH_CHECK_OK(say("creating new layer " + layer.digest));
    manifest.layers.insert(manifest.layers.end(), layers.begin(), layers.end());
    HEARTH_TRY(manifest.config, store::add_config(models_.blobs(), config, manifest.layers));
    HEARTH_CHECK_OK(say("writing manifest"));
    HEARTH_CHECK_OK(models_.publish(name, manifest));
    HEARTH_TRY(store::StoredModel made, models_.find(name.text()));
    on_step_({.status = "success"});
    return made;
  }

 private:
  Status say(std::string status) const { return step({.status = std::move(status)}); }
  Status step(const CreationStep& step) const {
    if (on_step_(step)) return {};
    return fail(ErrorCategory::kCancelled, "the model was not made: nobody waits for it any more");
  }

  // Each of these adds the weights as a layer, where they can stay as they are, or says what to convert.

  // Layers of the own store are shared; files elsewhere may change, and are copied.
  Status take_model(const store::StoredModel& base, WeightConversion& conversion,
                    std::vector<Layer>& layers) const {
    const bool own = base.kind == store::StoredModel::Kind::kOwn && base.manifest;
    const bool stays = conversion.quantize.empty() && (own || base.files.size() == 1);
    if (!stays) conversion.parts = base.files;
    if (!own && stays) return copy(base.files.front(), layers);
    if (!own) return {};
    for (const Layer& layer : base.manifest->layers) {
      const bool weights = layer.media_type == media_type::kModel;
      if (layer.media_type != media_type::kProjector && !(weights && stays)) continue;
      HEARTH_CHECK_OK(say("using existing layer " + layer.digest));
      layers.push_back(layer);
    }
    return {};
  }

  // A copy, unless it is a blob of this store: `show --modelfile` names those.
  Status take_file(const std::filesystem::path& path, WeightConversion& conversion,
                   std::vector<Layer>& layers) const {
    HEARTH_CHECK_OK(say("parsing GGUF"));
    HEARTH_TRY(const ModelCard card, usable_card({&path, 1}));
    if (card.shards > 1) {
      HEARTH_TRY(store::FolderModel found, store::gguf_model_at(path));
      if (!found.problem.empty()) return fail(ErrorCategory::kNotFound, "{}", found.problem);
      conversion.parts = std::move(found.files);
      return {};
    }
    if (!conversion.quantize.empty()) {
      conversion.parts = {path};
      return {};
    }
    const std::filesystem::path blobs = std::filesystem::weakly_canonical(models_.blobs().folder());
    std::string name = path.filename().string();
    if (std::filesystem::weakly_canonical(path).parent_path() != blobs || !name.starts_with("sha256-")) {
      return copy(path, layers);
    }
    name[name.find('-')] = ':';
    HEARTH_TRY(Layer layer, take_blob(name));
    layers.push_back(std::move(layer));
    return {};
  }

  Status take_blobs(const std::map<std::string, std::string, std::less<>>& blobs,
                    WeightConversion& conversion, std::vector<Layer>& layers) const {
    FilesByName files;
    for (const auto& [name, digest] : blobs) {
      HEARTH_TRY(Layer layer, take_blob(digest));
      files.emplace(name, models_.blobs().path_of(digest));
      if (blobs.size() == 1 && conversion.quantize.empty()) layers.push_back(std::move(layer));
    }
    if (files.contains(kCheckpointMark)) {
      conversion.checkpoint = std::move(files);
    } else if (layers.empty()) {
      for (const auto& [name, path] : files) conversion.parts.push_back(path);  // names of parts are in order
    }
    return {};
  }

  // Written beside the blobs, so that it need not be copied.
  Result<Layer> converted(WeightConversion conversion) const {
    conversion.output = models_.blobs().folder() / random_id(store::kDraft);
    std::error_code error;
    std::filesystem::create_directories(models_.blobs().folder(), error);  // what went wrong, writing says
    const DraftFile draft(conversion.output);
    HEARTH_CHECK_OK(convert_(conversion, on_step_));
    auto layer =
        models_.blobs().adopt(conversion.output, media_type::kModel, [this](uint64_t done, uint64_t total) {
          return step({.status = "computing the digest", .completed = done, .total = total});
        });
    if (layer) HEARTH_CHECK_OK(say("creating new layer " + layer->digest));
    return layer;
  }

  Result<Layer> take_blob(const std::string& digest) const {
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(models_.blobs().path_of(digest), error);
    if (error)
      return fail(ErrorCategory::kNotFound, "the blob {} is not in the store; upload it first", digest);
    return Layer{std::string(media_type::kModel), digest, size};
  }

  Status copy(const std::filesystem::path& path, std::vector<Layer>& layers) const {
    std::error_code error;
    const uint64_t total = std::filesystem::file_size(path, error);
    std::ifstream in(path, std::ios::binary);
    if (!in || error) return fail(ErrorCategory::kIo, "cannot read {}", path.string());
    HEARTH_TRY(store::BlobWriter writer, models_.blobs().begin());
    std::vector<char> buffer(kCopyBytes);
    uint64_t copied = 0;
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
      const auto n = static_cast<size_t>(in.gcount());
      HEARTH_CHECK_OK(writer.write(std::as_bytes(std::span(buffer).first(n))));
      copied += n;
      HEARTH_CHECK_OK(step({.status = "copying model", .digest = {}, .completed = copied, .total = total}));
    }
    if (in.bad() || copied != total) {
      return fail(ErrorCategory::kIo, "{} changed while it was read", path.string());
    }
    HEARTH_TRY(Layer layer, writer.finish(media_type::kModel));
    HEARTH_CHECK_OK(say("creating new layer " + layer.digest));
    layers.push_back(std::move(layer));
    return {};
  }

  // From the weights themselves: whether they can be used shows as well.
  Result<ImageConfig> describe(const Manifest& manifest) const {
    std::vector<std::filesystem::path> weights;
    for (const Layer& layer : manifest.layers) {
      if (layer.media_type == media_type::kModel) weights.push_back(models_.blobs().path_of(layer.digest));
    }
    if (weights.empty()) {
      return fail(ErrorCategory::kUnsupported, "there are no GGUF weights to make the model from");
    }
    HEARTH_TRY(const ModelCard card, usable_card(weights));
    return ImageConfig{card.architecture, card.parameters, card.main_type()};
  }

  store::ModelStore& models_;
  const ConvertWeights& convert_;
  const OnCreationStep& on_step_;
};

}  // namespace

FilesByName find_checkpoint(const std::filesystem::path& folder) {
  FilesByName files;
  bool weights = false;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    weights = weights || at->path().extension() == ".safetensors";
    files.emplace(at->path().filename().string(), at->path());
  }
  if (!weights || !files.contains(kCheckpointMark)) files.clear();
  return files;
}

Result<WeightSource> find_weights(std::string_view from, const std::filesystem::path& folder) {
  WeightSource source;
  const std::filesystem::path path = expanded(from, folder);
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    source.file = path;
    return source;
  }
  if (std::filesystem::is_directory(path, error)) {
    source.checkpoint = find_checkpoint(path);
    if (!source.checkpoint.empty()) return source;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (gguf::has_gguf_ending(entry.path())) files.push_back(entry.path());
    }
    if (files.size() == 1) {
      source.file = files.front();
      return source;
    }
    return fail(ErrorCategory::kInvalidArgument, "FROM {}: the folder has {} GGUF files; name one of them",
                path.string(), files.empty() ? "no" : std::to_string(files.size()));
  }
  if (!store::ModelName::parse(from) || gguf::has_gguf_ending(from)) {
    return fail(ErrorCategory::kNotFound, "FROM {}: there is no such file", path.string());
  }
  source.model = from;
  return source;
}

Result<store::StoredModel> create_model(store::ModelStore& models, const store::ModelName& name,
                                        const WeightSource& source, const store::Modelfile& modelfile,
                                        const ConvertWeights& convert, const OnCreationStep& on_step) {
  return Creation(models, convert, on_step).run(name, source, modelfile);
}

}  // namespace hearth::serving
