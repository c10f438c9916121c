#include "convert/checkpoint.h"

#include <set>

#include "gguf/limits.h"
#include "gguf/printable.h"

namespace hearth::convert {
namespace {

constexpr uint64_t kMaxConfigBytes = 4 << 20;
constexpr uint64_t kMaxIndexBytes = 64 << 20;

// A name that stays in the folder.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

}  // namespace

Status Checkpoint::add_shard(const std::string& name) {
  const std::filesystem::path path = folder_ / name;
  HEARTH_TRY(MappedFile file, MappedFile::open(path));
  auto tensors = parse_safetensors(file.bytes());
  if (!tensors) return propagate(std::move(tensors).error(), path.string());
  shards_.push_back(std::make_unique<Shard>(Shard{std::move(file), std::move(*tensors)}));
  for (const SafeTensor& tensor : shards_.back()->tensors) {
    if (!by_name_.emplace(tensor.name, &tensor).second) {
      return fail(ErrorCategory::kCorrupt, "{}: tensor {} is in two files", path.string(),
                  gguf::printable(tensor.name));
    }
  }
  return {};
}

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& folder) {
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  HEARTH_TRY(checkpoint.config_, read_json(folder / "config.json", kMaxConfigBytes));
  const std::filesystem::path index_path = folder / "model.safetensors.index.json";
  std::error_code error;
  if (!std::filesystem::exists(index_path, error)) {
    HEARTH_CHECK_OK(checkpoint.add_shard("model.safetensors"));
    return checkpoint;
  }
  HEARTH_TRY(const Json index, read_json(index_path, kMaxIndexBytes));
  const Json* map = find_member(index, "weight_map");
  if (map == nullptr || !map->is_object() || map->empty()) {
    return fail(ErrorCategory::kCorrupt, "{}: there is no weight_map", index_path.string());
  }
  std::set<std::string> files;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
      return fail(ErrorCategory::kCorrupt, "{}: the file of tensor {} is no name", index_path.string(),
                  gguf::printable(tensor));
    }
    files.insert(file.get<std::string>());
  }
  if (files.size() > gguf::kMaxShards) {
    return fail(ErrorCategory::kCorrupt, "{}: {} files are too many", index_path.string(), files.size());
  }
  for (const std::string& file : files) HEARTH_CHECK_OK(checkpoint.add_shard(file));
  for (const auto& [tensor, file] : map->items()) {
    if (checkpoint.find(tensor) == nullptr) {
      return fail(ErrorCategory::kCorrupt, "{}: tensor {} is not in {}", index_path.string(),
                  gguf::printable(tensor), gguf::printable(file.get<std::string>()));
    }
  }
  return checkpoint;
}

const SafeTensor* Checkpoint::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

uint64_t Checkpoint::size_bytes() const {
  uint64_t bytes = 0;
  for (const auto& shard : shards_) bytes += shard->file.bytes().size();
  return bytes;
}

bool Checkpoint::damaged() const {
  for (const auto& shard : shards_) {
    if (shard->file.damaged()) return true;
  }
  return false;
}

Result<kernels::DType> weight_type(const Checkpoint& checkpoint) {
  if (find_member(checkpoint.config(), "quantization_config") != nullptr) {
    return fail(ErrorCategory::kUnsupported,
                "the checkpoint is quantised (quantization_config); convert the original one");
  }
  const SafeTensor* largest = nullptr;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (largest == nullptr || tensor->bytes.size() > largest->bytes.size()) largest = tensor;
  }
  if (largest != nullptr && largest->dtype == "F32") return kernels::DType::kF32;
  if (largest != nullptr && largest->dtype == "F16") return kernels::DType::kF16;
  if (largest != nullptr && largest->dtype == "BF16") return kernels::DType::kBF16;
  return fail(ErrorCategory::kUnsupported, "weights of type {} cannot be converted; F32, F16 and BF16 can",
              largest == nullptr ? "none" : largest->dtype);
}

Result<ModelSource> read_checkpoint(const Checkpoint& checkpoint, std::string_view model_name) {
  HEARTH_CHECK_OK(weight_type(checkpoint));
  ModelSource source;
  source.damaged = [&checkpoint] { return checkpoint.damaged(); };
  source.writer.add_string("general.type", "model");
  source.writer.add_string("general.name", model_name);
  HEARTH_CHECK_OK(add_model(checkpoint, source));
  uint64_t vocab_size = 0;
  for (const SourceTensor& tensor : source.tensors) {
    if (tensor.name == "token_embd.weight") vocab_size = tensor.n_rows();
  }
  HEARTH_CHECK_OK(add_tokenizer(checkpoint, vocab_size, source));
  return source;
}

}  // namespace hearth::convert
