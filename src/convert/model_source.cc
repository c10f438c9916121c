#include "convert/model_source.h"

namespace hearth::convert {
namespace {

// Keys that say what this file is, and not what the model is.
bool is_replaced(std::string_view key) {
  return key == "general.file_type" || key == "general.quantization_version" || key == "general.alignment" ||
         key.starts_with("split.") || key.starts_with("quantize.imatrix.");
}

// The first of a number that may be one for each layer; 0 if there is none.
Result<uint64_t> first_number(const gguf::Metadata& metadata, const std::string& key) {
  HEARTH_TRY(const auto values, metadata.get_int_array(key));
  return values && !values->empty() && values->front() > 0 ? static_cast<uint64_t>(values->front()) : 0;
}

}  // namespace

uint64_t SourceTensor::n_rows() const {
  uint64_t n = 1;
  for (size_t i = 1; i < dims.size(); ++i) n *= dims[i];
  return n;
}

const std::byte* SourceTensor::row(uint64_t r) const {
  const uint64_t part_rows = n_rows() / parts.size();
  const uint64_t part = r / part_rows;
  uint64_t in_part = r % part_rows;
  if (paired_heads > 0) {
    const uint64_t head_rows = part_rows / paired_heads, in_head = in_part % head_rows;
    in_part = in_part - in_head + in_head % 2 * (head_rows / 2) + in_head / 2;
  }
  return parts[part].data() + in_part * kernels::row_bytes(dtype, dims[0]);
}

Result<ModelSource> ModelSource::of(const gguf::ModelFile& file) {
  ModelSource source;
  HEARTH_TRY(const auto architecture, file.metadata().get_string("general.architecture"));
  if (!architecture) return fail(ErrorCategory::kCorrupt, "general.architecture is missing");
  source.architecture = *architecture;
  const std::string& prefix = source.architecture;
  MixModel& facts = source.facts;
  HEARTH_TRY(facts.n_layers, first_number(file.metadata(), prefix + ".block_count"));
  HEARTH_TRY(facts.n_heads, first_number(file.metadata(), prefix + ".attention.head_count"));
  HEARTH_TRY(facts.n_kv_heads, first_number(file.metadata(), prefix + ".attention.head_count_kv"));
  HEARTH_TRY(facts.n_experts, first_number(file.metadata(), prefix + ".expert_count"));
  HEARTH_TRY(source.file_type, file.metadata().get_uint("general.file_type"));
  for (const gguf::MetadataEntry& entry : file.metadata().entries()) {
    if (!is_replaced(entry.key)) source.writer.copy(entry);
  }
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    source.tensors.push_back({.name = std::string(tensor.name),
                              .dtype = tensor.dtype,
                              .kept_as = tensor.dtype,
                              .dims = {tensor.dims, tensor.dims + tensor.n_dims},
                              .parts = {tensor.bytes}});
  }
  source.damaged = [&file] { return file.damaged(); };
  return source;
}

}  // namespace hearth::convert
