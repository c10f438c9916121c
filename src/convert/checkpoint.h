// A checkpoint as Hugging Face publishes them: config.json, tokenizer.json and weights in one or more
// safetensors files, in a folder or wherever each of them is. Becomes a ModelSource, for the families that
// this engine runs.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "convert/json_file.h"
#include "convert/model_source.h"
#include "convert/safetensors.h"

namespace hearth::convert {

// Where the files of a checkpoint are, by the names they have in its folder.
using CheckpointFiles = std::map<std::string, std::filesystem::path, std::less<>>;

class Checkpoint {
 public:
  // Errors name the file: kNotFound for one that is missing, kCorrupt, kUnsupported.
  static Result<Checkpoint> open(const std::filesystem::path& folder);
  static Result<Checkpoint> open(CheckpointFiles files);

  const Json& config() const { return config_; }
  // nullptr if there is none.
  const std::filesystem::path* file(std::string_view name) const;
  // nullptr if there is none.
  const SafeTensor* find(std::string_view name) const;
  const std::map<std::string, const SafeTensor*, std::less<>>& tensors() const { return by_name_; }
  uint64_t size_bytes() const;
  bool damaged() const;

 private:
  struct Shard {
    MappedFile file;
    std::vector<SafeTensor> tensors;
  };
  Status add_shard(const std::string& name);

  CheckpointFiles files_;
  Json config_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<std::string, const SafeTensor*, std::less<>> by_name_;
};

// The type that most of the weights have: F32, F16 or BF16. kUnsupported for a quantised checkpoint.
Result<kernels::DType> weight_type(const Checkpoint& checkpoint);

// The whole model under the names and conventions of GGUF. Borrows the checkpoint. kUnsupported names the
// architecture, or the setting or tensor that this engine would ignore; kCorrupt names the tensor that is
// missing or has another shape.
Result<ModelSource> read_checkpoint(const Checkpoint& checkpoint, std::string_view model_name);

// ---- the parts of read_checkpoint ----

// checkpoint_families.cc: hyper-parameters and tensors.
Status add_model(const Checkpoint& checkpoint, ModelSource& source);
// tokenizer_json.cc: tokenizer.* keys, and the chat template. `vocab_size` is that of the embedding.
Status add_tokenizer(const Checkpoint& checkpoint, uint64_t vocab_size, ModelSource& source);
// checkpoint.cc: general.sampling.* of generation_config.json, where there is one.
Status add_sampling(const Checkpoint& checkpoint, ModelSource& source);

}  // namespace hearth::convert
