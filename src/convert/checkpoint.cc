#include "convert/checkpoint.h"

#include <set>
#include <utility>

#include "gguf/limits.h"
#include "gguf/printable.h"

namespace hearth::convert {
namespace {

constexpr uint64_t kMaxConfigBytes = 4 << 20;
constexpr uint64_t kMaxIndexBytes = 64 << 20;
constexpr uint64_t kMostCandidates = 1 << 20;
constexpr size_t kMaxFiles = 10'000;
constexpr std::string_view kIndex = "model.safetensors.index.json";

}  // namespace

Status Checkpoint::add_shard(const std::string& name) {
  const std::filesystem::path* path = this->file(name);
  if (path == nullptr) {
    return fail(ErrorCategory::kNotFound, "{} is missing; a checkpoint has its weights there",
                gguf::printable(name));
  }
  HEARTH_TRY(MappedFile file, MappedFile::open(*path));
  auto tensors = parse_safetensors(file.bytes());
  if (!tensors) return propagate(std::move(tensors).error(), gguf::printable(name));
  shards_.push_back(std::make_unique<Shard>(Shard{std::move(file), std::move(*tensors)}));
  for (const SafeTensor& tensor : shards_.back()->tensors) {
    if (!by_name_.emplace(tensor.name, &tensor).second) {
      return fail(ErrorCategory::kCorrupt, "{}: tensor {} is in two files", gguf::printable(name),
                  gguf::printable(tensor.name));
    }
  }
  return {};
}

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& folder) {
  CheckpointFiles files;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored)) files.emplace(at->path().filename().string(), at->path());
    if (files.size() > kMaxFiles) break;
  }
  if (error) return fail(ErrorCategory::kNotFound, "{}: {}", folder.string(), error.message());
  auto checkpoint = open(std::move(files));
  if (!checkpoint) return propagate(std::move(checkpoint).error(), folder.string());
  return checkpoint;
}

Result<Checkpoint> Checkpoint::open(CheckpointFiles files) {
  Checkpoint checkpoint;
  checkpoint.files_ = std::move(files);
  const std::filesystem::path* config = checkpoint.file("config.json");
  if (config == nullptr) {
    return fail(ErrorCategory::kNotFound, "config.json is missing; a checkpoint says there what it is");
  }
  HEARTH_TRY(checkpoint.config_, read_json(*config, kMaxConfigBytes));
  const std::filesystem::path* index_path = checkpoint.file(kIndex);
  if (index_path == nullptr) {
    HEARTH_CHECK_OK(checkpoint.add_shard("model.safetensors"));
    return checkpoint;
  }
  HEARTH_TRY(const Json index, read_json(*index_path, kMaxIndexBytes));
  const Json* map = find_member(index, "weight_map");
  if (map == nullptr || !map->is_object() || map->empty()) {
    return fail(ErrorCategory::kCorrupt, "{}: there is no weight_map", kIndex);
  }
  std::set<std::string> files_named;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      return fail(ErrorCategory::kCorrupt, "{}: the file of tensor {} is no name", kIndex,
                  gguf::printable(tensor));
    }
    files_named.insert(file.get<std::string>());
  }
  if (files_named.size() > gguf::kMaxShards) {
    return fail(ErrorCategory::kCorrupt, "{}: {} files are too many", kIndex, files_named.size());
  }
  for (const std::string& file : files_named) HEARTH_CHECK_OK(checkpoint.add_shard(file));
  for (const auto& [tensor, file] : map->items()) {
    if (checkpoint.find(tensor) == nullptr) {
      return fail(ErrorCategory::kCorrupt, "{}: tensor {} is not in {}", kIndex, gguf::printable(tensor),
                  gguf::printable(file.get<std::string>()));
    }
  }
  return checkpoint;
}

const std::filesystem::path* Checkpoint::file(std::string_view name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : &found->second;
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
  HEARTH_CHECK_OK(add_sampling(checkpoint, source));
  return source;
}

Status add_sampling(const Checkpoint& checkpoint, ModelSource& source) {
  const std::filesystem::path* path = checkpoint.file("generation_config.json");
  if (path == nullptr) return {};
  constexpr std::pair<const char*, const char*> kNumbers[] = {
      {"temperature", "general.sampling.temp"},
      {"top_p", "general.sampling.top_p"},
      {"min_p", "general.sampling.min_p"},
      {"repetition_penalty", "general.sampling.penalty_repeat"}};
  HEARTH_TRY(const Json settings, read_json(*path, kMaxConfigBytes));
  if (!settings.is_object()) return fail(ErrorCategory::kCorrupt, "generation_config.json: no object");
  for (const auto& [name, key] : kNumbers) {
    HEARTH_TRY(const auto value, get_number(settings, name));
    if (value) source.writer.add_float(key, static_cast<float>(*value));
  }
  HEARTH_TRY(const auto top_k, get_uint(settings, "top_k", kMostCandidates));
  if (top_k) source.writer.add_uint32("general.sampling.top_k", static_cast<uint32_t>(*top_k));
  return {};
}

}  // namespace hearth::convert
