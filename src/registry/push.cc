#include "registry/push.h"

#include <set>

#include "registry/blob_progress.h"
#include "registry/registry_client.h"

namespace hearth::registry {

Status push_model(const store::ModelStore& models, std::string_view text, const TransferOptions& options) {
  const auto report = [&](const TransferProgress& progress) {
    if (options.report) options.report(progress);
  };
  report({.status = "retrieving manifest"});
  HEARTH_TRY(const store::StoredModel model, models.find(text));
  if (!model.manifest || model.kind != store::StoredModel::Kind::kOwn) {
    return fail(ErrorCategory::kUnsupported,
                "the model \"{}\" is a file in place; make a model of it first (hearth create)", model.name);
  }
  HEARTH_TRY(const store::ModelName name, store::ModelName::parse(model.name));
  HEARTH_TRY(const Endpoint endpoint, options.policy.endpoint(name.host));
  const auto authorization =
      std::make_shared<Authorization>(endpoint, name.text(), options.retries, options.cancelled);
  RegistryClient client(endpoint, name, authorization, options.retries, options.cancelled);

  const store::Manifest& manifest = *model.manifest;
  const uint64_t total = manifest.size();
  uint64_t before = 0;
  std::set<std::string> sent;
  std::vector<store::Layer> layers = manifest.layers;
  layers.push_back(manifest.config);
  for (const store::Layer& layer : layers) {
    if (!sent.insert(layer.digest).second) continue;
    BlobProgress progress("pushing", layer, before, total, options);
    const auto tell = [&](uint64_t done) { progress.tell(done); };
    HEARTH_TRY(const bool there, client.has_blob(layer.digest));
    if (!there) HEARTH_CHECK_OK(client.upload_blob(layer, models.blobs().path_of(layer.digest), tell));
    tell(layer.size);
    before += layer.size;
  }
  report({.status = "pushing manifest", .all_total_bytes = total, .all_done_bytes = total});
  HEARTH_CHECK_OK(client.put_manifest(manifest.to_json()));
  report({.status = "success", .all_total_bytes = total, .all_done_bytes = total});
  return {};
}

}  // namespace hearth::registry
