// A model from a registry or Hugging Face into the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/registry_policy.h"
#include "registry/retries.h"
#include "store/model_store.h"

namespace hearth::registry {

struct TransferProgress {
  std::string status{};      // "pulling manifest", "pulling 6a0746a1ec1a", …: Ollama's words
  std::string digest{};      // of the blob under way, or empty
  uint64_t total_bytes = 0;  // of the blob
  uint64_t done_bytes = 0;
  uint64_t all_total_bytes = 0;  // of the model
  uint64_t all_done_bytes = 0;   // never less than before
  uint64_t all_kept_bytes = 0;   // of these, what was there already and took no time
};

struct TransferOptions {
  RegistryPolicy policy{};
  std::string hub_base = "https://huggingface.co";  // where Hugging Face's names lead
  std::string hub_token{};                          // for private repositories, or empty
  Retries retries{};                                // of all requests but those for parts of blobs
  const std::atomic<bool>* cancelled = nullptr;
  std::function<void(const TransferProgress&)> report{};  // on the calling thread
};

// Blocks. A blob that is there is not fetched; what an earlier attempt has left is gone on with. Nothing is
// fetched where the disk has not the room for all of it. The model is visible once it is whole; a model of
// its name stays until then. Errors: kNotFound, kInvalidArgument (host, access), kIo, kOverloaded, kCorrupt,
// kCancelled.
Status pull_model(store::ModelStore& models, std::string_view name, const TransferOptions& options);

}  // namespace hearth::registry
