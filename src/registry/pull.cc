#include "registry/pull.h"

#include <nlohmann/json.hpp>

#include "base/human_bytes.h"
#include "net/http_client.h"
#include "registry/blob_download.h"
#include "registry/blob_progress.h"
#include "registry/hugging_face.h"
#include "registry/registry_client.h"

namespace hearth::registry {
namespace {

namespace fs = std::filesystem;
using store::Layer;
using store::Manifest;

constexpr uint64_t kDiskReserve = uint64_t{256} << 20;  // left to everything else

struct Blob {
  Layer layer;
  DownloadSource source;
};

struct RemoteModel {
  Manifest manifest;
  std::string manifest_json;
  std::vector<Blob> blobs;  // each once
};

void add_blob(RemoteModel& model, const Layer& layer, DownloadSource source) {
  for (const Blob& blob : model.blobs) {
    if (blob.layer.digest == layer.digest) return;
  }
  model.blobs.push_back({layer, std::move(source)});
}

Result<RemoteModel> ask_registry(const store::ModelName& name, const Endpoint& endpoint,
                                 const TransferOptions& options) {
  const auto authorization =
      std::make_shared<Authorization>(endpoint, name.text(), options.retries, options.cancelled);
  RegistryClient client(endpoint, name, authorization, options.retries, options.cancelled);
  RemoteModel model;
  HEARTH_TRY(model.manifest_json, client.manifest());
  auto manifest = Manifest::parse(model.manifest_json);
  if (!manifest) return propagate(std::move(manifest).error(), "the registry's manifest of " + name.text());
  model.manifest = std::move(*manifest);
  const auto add = [&](const Layer& layer) {
    add_blob(
        model, layer,
        {client.blob_url(layer.digest), authorization, endpoint.allow_private_addresses, endpoint.ca_file});
  };
  for (const Layer& layer : model.manifest.layers) add(layer);
  add(model.manifest.config);
  return model;
}

Result<RemoteModel> ask_hugging_face(store::ModelStore& models, const store::ModelName& name,
                                     const Endpoint& endpoint, const TransferOptions& options) {
  const auto authorization =
      std::make_shared<Authorization>(options.hub_token.empty() ? "" : "Bearer " + options.hub_token);
  RegistryClient client(endpoint, name, authorization, options.retries, options.cancelled);
  HEARTH_TRY(const HubModel hub, find_hub_model(client, endpoint.base, name));
  RemoteModel model;
  const nlohmann::json config = {{"model_format", "gguf"}, {"file_type", hub.quantization}};
  HEARTH_TRY(model.manifest.config, models.blobs().add(store::media_type::kConfig, config.dump()));
  for (const HubFile& file : hub.files) {
    const Layer layer{std::string(store::media_type::kModel), file.digest, file.size};
    model.manifest.layers.push_back(layer);
    add_blob(model, layer,
             {hub.url_prefix + file.path, authorization, endpoint.allow_private_addresses, endpoint.ca_file});
  }
  model.manifest_json = model.manifest.to_json();
  return model;
}

// Hugging Face's names may lead to a mirror, which may also be asked where the list names it, or where it is
// this machine.
Result<Endpoint> hub_endpoint(const store::ModelName& name, const TransferOptions& options) {
  HEARTH_TRY(const net::Url hub, net::Url::parse(options.hub_base));
  Result<Endpoint> mirror = options.policy.endpoint(hub.authority);
  const bool named = mirror && mirror->allow_private_addresses;
  HEARTH_TRY(Endpoint endpoint, named ? std::move(mirror) : options.policy.endpoint(name.host));
  endpoint.base = options.hub_base;
  return endpoint;
}

Status check_room(const store::BlobStore& blobs, const std::vector<Blob>& wanted) {
  uint64_t need = 0;
  for (const Blob& blob : wanted) {
    if (!blobs.contains(blob.layer)) need += blob.layer.size - downloaded_bytes(blobs, blob.layer);
  }
  std::error_code error;
  fs::create_directories(blobs.folder(), error);
  const fs::space_info space = fs::space(blobs.folder(), error);
  if (error || need == 0 || space.available >= need + kDiskReserve) return {};
  return fail(
      ErrorCategory::kIo,
      "the disk has no room: {} more are needed beside {} for everything else, {} are free in {}; remove "
      "models (hearth rm) or move the store",
      human_bytes(need), human_bytes(kDiskReserve), human_bytes(space.available), blobs.folder().string());
}

}  // namespace

Status pull_model(store::ModelStore& models, std::string_view text, const TransferOptions& options) {
  HEARTH_TRY(const store::ModelName name, store::ModelName::parse(text));
  const auto report = [&](const TransferProgress& progress) {
    if (options.report) options.report(progress);
  };
  HEARTH_TRY(const Endpoint endpoint,
             name.on_hugging_face() ? hub_endpoint(name, options) : options.policy.endpoint(name.host));
  HEARTH_TRY(const store::FileLock writing, models.begin_writing());
  report({.status = "pulling manifest"});
  HEARTH_TRY(const RemoteModel remote, name.on_hugging_face()
                                           ? ask_hugging_face(models, name, endpoint, options)
                                           : ask_registry(name, endpoint, options));
  HEARTH_CHECK_OK(check_room(models.blobs(), remote.blobs));

  uint64_t total = 0;
  for (const Blob& blob : remote.blobs) total += blob.layer.size;
  TransferProgress so_far{.all_total_bytes = total};
  for (const Blob& blob : remote.blobs) {
    BlobProgress progress("pulling", blob.layer, so_far, options);
    const auto tell = [&](uint64_t done) { progress.tell(done); };
    if (!models.blobs().contains(blob.layer)) {
      HEARTH_CHECK_OK(download_blob(models.blobs(), blob.layer, blob.source,
                                    {.cancelled = options.cancelled, .report = tell}));
    }
    tell(blob.layer.size);
  }
  report_end("verifying sha256 digest", so_far, options);
  report_end("writing manifest", so_far, options);
  HEARTH_CHECK_OK(models.publish(name, remote.manifest, remote.manifest_json));
  report_end("success", so_far, options);
  return {};
}

}  // namespace hearth::registry
