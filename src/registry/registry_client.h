// Speaks with one registry: manifests and blobs of Docker's distribution protocol, version 2, with tokens for
// anonymous access where it asks for them. What fails in passing (429, errors of the server, cuts) is asked
// for again. https://distribution.github.io/distribution/spec/api/
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http_client.h"
#include "registry/authorization.h"
#include "registry/registry_policy.h"
#include "registry/retries.h"
#include "store/manifest.h"
#include "store/model_name.h"

namespace hearth::registry {

// One thread at a time.
class RegistryClient {
 public:
  RegistryClient(Endpoint endpoint, store::ModelName name, std::shared_ptr<Authorization> authorization,
                 Retries retries, const std::atomic<bool>* cancelled);

  // As it came; parse with Manifest::parse. kNotFound: the registry has no such model.
  Result<std::string> manifest();
  std::string blob_url(std::string_view digest) const;

  // Whether the registry has the blob.
  Result<bool> has_blob(std::string_view digest);
  // Uploads a file as the blob `layer`. `report` hears how many bytes are on their way; where an upload
  // begins anew, it hears less than before.
  Status upload_blob(const store::Layer& layer, const std::filesystem::path& file,
                     const std::function<void(uint64_t done)>& report);
  Status put_manifest(std::string_view json);

  // Sends a request without a body_source to the registry and, if it wants another token, again with one.
  Result<net::HttpReply> send(net::HttpRequest request);

 private:
  Result<std::string> begin_upload();

  Endpoint endpoint_;
  store::ModelName name_;
  std::shared_ptr<Authorization> authorization_;
  Retries retries_;
  const std::atomic<bool>* cancelled_;
  net::HttpClient client_;
};

}  // namespace hearth::registry
