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
  TransferProgress so_far{.all_total_bytes = total};
  std::set<std::string> sent;
  std::vector<store::Layer> layers = manifest.layers;
  layers.push_back(manifest.config);
  for (const store::Layer& layer : layers) {
    if (!sent.insert(layer.digest).second) continue;
    HEARTH_TRY(const bool there, client.has_blob(layer.digest));
    BlobProgress progress(there ? "already there:" : "pushing", layer, so_far, options);
    const auto tell = [&](uint64_t done) { progress.tell(done); };
    if (!there) {
      tell(0);
      HEARTH_CHECK_OK(client.upload_blob(layer, models.blobs().path_of(layer.digest), tell));
    }
    tell(layer.size);
  }
  report_end("pushing manifest", so_far, options);
  HEARTH_CHECK_OK(client.put_manifest(manifest.to_json()));
  report_end("success", so_far, options);
  return {};
}

}  // namespace hearth::registry
