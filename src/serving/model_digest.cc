#include "serving/model_digest.h"

#include <algorithm>

namespace hearth::serving {
namespace {

constexpr size_t kEndBytes = 4096;

}  // namespace

Sha256Digest model_digest(const gguf::ModelFile& file, std::string_view kernels) {
  Sha256Digest digest = sha256({std::as_bytes(std::span(kernels))});
  for (const MappedFile& shard : file.shards()) {
    const std::span<const std::byte> bytes = shard.bytes();
    // All that comes before the data of its first tensor.
    size_t data = bytes.size();
    for (const gguf::TensorInfo& tensor : file.tensors()) {
      if (tensor.bytes.data() < bytes.data() || tensor.bytes.data() >= bytes.data() + bytes.size()) continue;
      data = std::min(data, static_cast<size_t>(tensor.bytes.data() - bytes.data()));
    }
    std::error_code error;
    const auto changed = std::filesystem::last_write_time(shard.path(), error).time_since_epoch().count();
    const int64_t numbers[] = {static_cast<int64_t>(bytes.size()), static_cast<int64_t>(changed)};
    digest = sha256({digest, std::as_bytes(std::span(numbers)), bytes.first(data)});
  }
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const size_t n = std::min(kEndBytes, tensor.bytes.size());
    digest = sha256({digest, tensor.bytes.first(n), tensor.bytes.last(n)});
  }
  return digest;
}

}  // namespace hearth::serving
