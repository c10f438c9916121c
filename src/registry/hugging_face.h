// Repositories of Hugging Face as models: which of their GGUF files a name means, over the Hub's own API,
// which also knows models in several files. https://huggingface.co/docs/hub/api
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/http_client.h"
#include "registry/registry_client.h"
#include "store/model_name.h"

namespace hearth::registry {

struct HubFile {
  std::string path;    // in the repository
  uint64_t size = 0;   // bytes
  std::string digest;  // "sha256:…"
};

struct HubModel {
  std::string quantization;    // of the files' names, or empty
  std::vector<HubFile> files;  // one, or all shards in order
  std::string url_prefix;      // a file is at this and its path
};

// The files whose names say `tag` ("latest": Q4_K_M, else Q8_0, else the first). `files` may be in any order.
// kNotFound names what there is instead.
Result<HubModel> choose_hub_files(std::vector<HubFile> files, const std::string& tag);

// Asks for the files of one commit. Errors: those of choose_hub_files() and of the server.
Result<HubModel> find_hub_model(RegistryClient& client, const std::string& base,
                                const store::ModelName& name);

}  // namespace hearth::registry
