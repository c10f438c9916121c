#include "store/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace hearth::store {
namespace {

using nlohmann::json;

constexpr std::string_view kAlgorithm = "sha256:";
constexpr size_t kMaxLayers = 4'096;
constexpr uint64_t kMaxLayerBytes = uint64_t{1} << 50;  // so that no sum of them is too large to hold

Result<std::string> text_field(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_string()) {
    return fail(ErrorCategory::kCorrupt, "\"{}\" must be a text", key);
  }
  return at->get<std::string>();
}

Result<Layer> read_layer(const json& object) {
  if (!object.is_object()) return fail(ErrorCategory::kCorrupt, "must be an object");
  Layer layer;
  HEARTH_TRY(layer.media_type, text_field(object, "mediaType"));
  HEARTH_TRY(layer.digest, text_field(object, "digest"));
  // Older releases of Ollama wrote the name of the blob's file.
  if (layer.digest.starts_with("sha256-")) layer.digest.replace(0, kAlgorithm.size(), kAlgorithm);
  if (Status good = check_digest(layer.digest); !good) {
    return fail(ErrorCategory::kCorrupt, "{}", good.error().message);
  }
  const auto size = object.find("size");
  if (size == object.end() || !size->is_number_unsigned() || size->get<uint64_t>() > kMaxLayerBytes) {
    return fail(ErrorCategory::kCorrupt, "\"size\" must be a number of bytes up to 2^50");
  }
  layer.size = size->get<uint64_t>();
  return layer;
}

json write_layer(const Layer& layer) {
  return {{"mediaType", layer.media_type}, {"digest", layer.digest}, {"size", layer.size}};
}

}  // namespace

Status check_digest(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!text.starts_with(kAlgorithm) || text.size() != kAlgorithm.size() + 64 ||
      !std::all_of(text.begin() + kAlgorithm.size(), text.end(), is_hex)) {
    return fail(ErrorCategory::kInvalidArgument,
                "\"{}\" is no digest: \"sha256:\" and 64 hexadecimal digits in lower case are",
                text.substr(0, 80));
  }
  return {};
}

Result<Manifest> Manifest::parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(ErrorCategory::kCorrupt, "a manifest of {} bytes is too long", text.size());
  }
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorCategory::kCorrupt, "the manifest is no JSON object");
  if (const auto version = document.find("schemaVersion");
      version == document.end() || !version->is_number_integer() || version->get<int64_t>() != 2) {
    return fail(ErrorCategory::kCorrupt, "\"schemaVersion\" of the manifest must be 2");
  }

  Manifest manifest;
  const auto config = document.find("config");
  if (config == document.end()) return fail(ErrorCategory::kCorrupt, "the manifest has no \"config\"");
  Result<Layer> config_layer = read_layer(*config);
  if (!config_layer) return propagate(std::move(config_layer).error(), "\"config\" of the manifest");
  manifest.config = std::move(*config_layer);

  const auto layers = document.find("layers");
  if (layers == document.end() || !layers->is_array() || layers->empty() || layers->size() > kMaxLayers) {
    return fail(ErrorCategory::kCorrupt, "\"layers\" of the manifest must be an array of 1 to {}",
                kMaxLayers);
  }
  for (const json& object : *layers) {
    Result<Layer> layer = read_layer(object);
    if (!layer) {
      return propagate(std::move(layer).error(),
                       fmt::format("layer {} of the manifest", manifest.layers.size()));
    }
    manifest.layers.push_back(std::move(*layer));
  }
  return manifest;
}

std::string Manifest::to_json() const {
  json document = {{"schemaVersion", 2},
                   {"mediaType", media_type::kManifest},
                   {"config", write_layer(config)},
                   {"layers", json::array()}};
  for (const Layer& layer : layers) document["layers"].push_back(write_layer(layer));
  return document.dump();
}

const Layer* Manifest::find(std::string_view media_type) const {
  const auto at = std::find_if(layers.begin(), layers.end(),
                               [&](const Layer& layer) { return layer.media_type == media_type; });
  return at == layers.end() ? nullptr : &*at;
}

uint64_t Manifest::size() const {
  std::set<std::string_view> seen{config.digest};
  uint64_t bytes = config.size;
  for (const Layer& layer : layers) {
    if (seen.insert(layer.digest).second) bytes += layer.size;
  }
  return bytes;
}

}  // namespace hearth::store
