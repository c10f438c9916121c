// Speaks with one registry: manifests and blobs of Docker's distribution protocol, version 2, with tokens for
// anonymous access where it asks for them. https://distribution.github.io/distribution/spec/api/
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/result.h"
#include "net/http_client.h"
#include "registry/registry_policy.h"
#include "store/manifest.h"
#include "store/model_name.h"

namespace hearth::registry {

// One thread at a time.
class RegistryClient {
 public:
  RegistryClient(Endpoint endpoint, store::ModelName name, const std::atomic<bool>* cancelled);

  // As it came; parse with Manifest::parse. kNotFound: the registry has no such model.
  Result<std::string> manifest();
  std::string blob_url(std::string_view digest) const;

  // Whether the registry has the blob.
  Result<bool> has_blob(std::string_view digest);
  // Uploads a file as the blob `layer`. `report` hears how many bytes are on their way.
  Status upload_blob(const store::Layer& layer, const std::filesystem::path& file,
                     const std::function<void(uint64_t done)>& report);
  Status put_manifest(std::string_view json);

  // Sends a request to the registry and, if it wants a token, again with one.
  Result<net::HttpReply> send(net::HttpRequest request);

  // "Bearer …" of the last token, or empty.
  const std::string& authorization() const { return authorization_; }

 private:
  Status fetch_token(std::string_view challenge);

  Endpoint endpoint_;
  store::ModelName name_;
  const std::atomic<bool>* cancelled_;
  net::HttpClient client_;
  std::string authorization_;
};

// An error that says what a registry answered. `what` is what was asked for.
Error registry_error(const net::HttpReply& reply, std::string_view what);

}  // namespace hearth::registry
