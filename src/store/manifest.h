// What a model consists of: blobs by digest, each with its kind. The image manifest of Docker's registries
// (distribution v2, schema 2) with Ollama's media types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::store {

namespace media_type {
inline constexpr std::string_view kManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kModel =
    "application/vnd.ollama.image.model";  // GGUF; one a shard, in order
inline constexpr std::string_view kProjector = "application/vnd.ollama.image.projector";
inline constexpr std::string_view kAdapter = "application/vnd.ollama.image.adapter";
inline constexpr std::string_view kTemplate = "application/vnd.ollama.image.template";
inline constexpr std::string_view kOldTemplate = "application/vnd.ollama.image.prompt";
inline constexpr std::string_view kSystem = "application/vnd.ollama.image.system";
inline constexpr std::string_view kParameters = "application/vnd.ollama.image.params";  // JSON object
inline constexpr std::string_view kMessages = "application/vnd.ollama.image.messages";  // JSON array
inline constexpr std::string_view kLicense = "application/vnd.ollama.image.license";
}  // namespace media_type

struct Layer {
  std::string media_type;
  std::string digest;  // "sha256:" and 64 hexadecimal digits in lower case
  uint64_t size = 0;   // bytes
};

struct Manifest {
  static constexpr size_t kMaxBytes = size_t{4} << 20;

  Layer config;
  std::vector<Layer> layers;

  // Errors: kCorrupt names the field. What is not known is left out.
  static Result<Manifest> parse(std::string_view json);
  std::string to_json() const;

  // The first layer of a kind, or null.
  const Layer* find(std::string_view media_type) const;
  uint64_t size() const;  // of all blobs, without counting one twice
};

// kInvalidArgument unless `text` is a digest as Layer has it.
Status check_digest(std::string_view text);

}  // namespace hearth::store
