#include "convert/quantize_model.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "base/checked.h"
#include "convert/quantizer.h"
#include "gguf/output_file.h"
#include "gguf/printable.h"
#include "kernels/kernels.h"

namespace hearth::convert {
namespace {

using kernels::DType;

constexpr uint64_t kBatchValues = 4 << 20;   // read and written together
constexpr uint64_t kPieceValues = 32 << 10;  // of one thread, at least a row
constexpr uint64_t kCopyBytes = 16 << 20;

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

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

Result<MixModel> describe(const gguf::Metadata& metadata, bool has_importance) {
  HEARTH_TRY(const auto architecture, metadata.get_string("general.architecture"));
  if (!architecture) return fail(ErrorCategory::kCorrupt, "general.architecture is missing");
  const std::string prefix(*architecture);
  MixModel model{.architecture = *architecture, .has_importance = has_importance};
  HEARTH_TRY(model.n_layers, first_number(metadata, prefix + ".block_count"));
  HEARTH_TRY(model.n_heads, first_number(metadata, prefix + ".attention.head_count"));
  HEARTH_TRY(model.n_kv_heads, first_number(metadata, prefix + ".attention.head_count_kv"));
  HEARTH_TRY(model.n_experts, first_number(metadata, prefix + ".expert_count"));
  return model;
}

}  // namespace

Result<QuantizePlan> QuantizePlan::make(const gguf::ModelFile& file, const QuantMix& mix,
                                        const ImportanceMatrix* importance) {
  QuantizePlan plan(file, importance);
  plan.mix_name_ = mix.name;
  HEARTH_TRY(const MixModel model, describe(file.metadata(), importance != nullptr));
  for (const gguf::MetadataEntry& entry : file.metadata().entries()) {
    if (!is_replaced(entry.key)) plan.writer_.copy(entry);
  }
  plan.writer_.add_uint32("general.quantization_version", 2);
  plan.writer_.add_uint32("general.file_type", mix.file_type);
  if (importance != nullptr) {
    plan.writer_.add_uint32("quantize.imatrix.entries_count", static_cast<uint32_t>(importance->size()));
  }

  std::vector<MixTensor> tensors;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    tensors.push_back({tensor.name, {tensor.dims, tensor.n_dims}});
  }
  const auto chosen = choose_types(mix, model, tensors);
  bool any_importance = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const gguf::TensorInfo& tensor = file.tensors()[i];
    const DType dtype = chosen[i].value_or(tensor.dtype);
    plan.types_.push_back(dtype);
    plan.writer_.add_tensor(tensor.name, dtype, tensors[i].dims);
    plan.n_values_ += tensor.n_elements();
    if (is_float(dtype) || dtype == tensor.dtype) {
      plan.n_fallback_ += chosen[i] && is_float(dtype) && !is_float(mix.matrices);
      continue;
    }
    ++plan.n_quantized_;
    plan.n_requantized_ += !is_float(tensor.dtype);
    plan.n_fallback_ += tensor.dims[0] % kernels::traits_of(mix.matrices).block_size != 0;
    if (importance == nullptr) continue;
    const bool known = importance->contains(tensor.name);
    any_importance = any_importance || known;
    plan.n_without_importance_ += !known;
    if (known) {
      HEARTH_TRY(const auto weights,
                 importance->weights(tensor.name, tensor.dims[0], tensor.dims[2] * tensor.dims[3], 0));
      (void)weights;
    }
  }
  if (importance != nullptr && plan.n_quantized_ > 0 && !any_importance) {
    return fail(
        ErrorCategory::kInvalidArgument,
        "the importance matrix names none of the matrices of this model; it was made for another one");
  }
  return plan;
}

double QuantizePlan::bits_per_weight() const {
  uint64_t bytes = 0;
  for (size_t i = 0; i < types_.size(); ++i) {
    bytes += kernels::row_bytes(types_[i], file_.tensors()[i].n_elements());
  }
  return n_values_ == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(n_values_);
}

std::vector<std::string> QuantizePlan::notices() const {
  std::vector<std::string> notices;
  if (n_requantized_ > 0) {
    notices.push_back(
        fmt::format("{} of {} matrices are quantised already and lose precision a second time; "
                    "an F16 or BF16 source gives a better file",
                    n_requantized_, n_quantized_));
  }
  if (n_fallback_ > 0) {
    notices.push_back(fmt::format(
        "{} matrices have rows that the blocks of {} do not divide; they get another type, with more bits",
        n_fallback_, mix_name_));
  }
  if (n_without_importance_ > 0) {
    notices.push_back(
        fmt::format("{} of {} matrices are not in the importance matrix; their columns count "
                    "the same",
                    n_without_importance_, n_quantized_));
  }
  return notices;
}

// One run of write().
class QuantizePlan::Work {
 public:
  Work(const QuantizePlan& plan, ThreadPool& threads, const QuantizeProgress& progress)
      : plan_(plan), threads_(threads), progress_(progress), total_bytes_(plan.output_bytes()) {}

  Status produce(size_t index, gguf::TensorSink& sink) {
    const gguf::TensorInfo& tensor = plan_.file_.tensors()[index];
    const DType dtype = plan_.types_[index];
    Status done = dtype == tensor.dtype ? copy(tensor, sink) : convert(tensor, dtype, sink);
    if (!done) {
      return propagate(std::move(done).error(), fmt::format("tensor {}", gguf::printable(tensor.name)));
    }
    return {};
  }

 private:
  Status copy(const gguf::TensorInfo& tensor, gguf::TensorSink& sink);
  Status convert(const gguf::TensorInfo& tensor, DType dtype, gguf::TensorSink& sink);
  Status convert_rows(const gguf::TensorInfo& tensor, DType dtype, uint64_t first, uint64_t end,
                      std::byte* out) const;
  Status wrote(uint64_t bytes);

  const QuantizePlan& plan_;
  ThreadPool& threads_;
  const QuantizeProgress& progress_;
  const kernels::KernelTable& kernels_ = *kernels::find_kernels("reference");
  uint64_t total_bytes_;
  uint64_t done_bytes_ = 0;
  std::vector<std::byte> batch_;
};

Status QuantizePlan::Work::wrote(uint64_t bytes) {
  done_bytes_ += bytes;
  if (progress_.report) progress_.report(done_bytes_, total_bytes_);
  if (plan_.file_.damaged()) {
    return fail(ErrorCategory::kIo, "the source was changed or cut short while it was read");
  }
  if (progress_.cancelled != nullptr && progress_.cancelled->load()) {
    return fail(ErrorCategory::kCancelled, "stopped; nothing was written");
  }
  return {};
}

Status QuantizePlan::Work::copy(const gguf::TensorInfo& tensor, gguf::TensorSink& sink) {
  for (uint64_t at = 0; at < tensor.bytes.size(); at += kCopyBytes) {
    const auto piece = tensor.bytes.subspan(at, std::min<uint64_t>(kCopyBytes, tensor.bytes.size() - at));
    HEARTH_CHECK_OK(sink.write(piece));
    HEARTH_CHECK_OK(wrote(piece.size()));
  }
  return {};
}

Status QuantizePlan::Work::convert_rows(const gguf::TensorInfo& tensor, DType dtype, uint64_t first,
                                        uint64_t end, std::byte* out) const {
  const uint64_t n = tensor.dims[0];
  const size_t from_bytes = kernels::row_bytes(tensor.dtype, n), to_bytes = kernels::row_bytes(dtype, n);
  const auto dequantize = kernels_.dequantize_row[static_cast<size_t>(tensor.dtype)];
  std::vector<float> row(n);
  for (uint64_t r = first; r < end; ++r, out += to_bytes) {
    dequantize(tensor.bytes.data() + r * from_bytes, row.data(), n);
    HEARTH_CHECK_OK(check_values(dtype, row));
    std::span<const float> weights;
    if (plan_.importance_ != nullptr) {
      HEARTH_TRY(weights, plan_.importance_->weights(tensor.name, n, tensor.dims[2] * tensor.dims[3],
                                                     r / tensor.dims[1]));
    }
    quantize_row(dtype, row, weights.empty() ? nullptr : weights.data(), out);
  }
  return {};
}

Status QuantizePlan::Work::convert(const gguf::TensorInfo& tensor, DType dtype, gguf::TensorSink& sink) {
  const uint64_t n_rows = tensor.n_elements() / tensor.dims[0];
  const uint64_t batch_rows = std::max<uint64_t>(kBatchValues / tensor.dims[0], 1);
  const uint64_t piece_rows = std::max<uint64_t>(kPieceValues / tensor.dims[0], 1);
  const size_t to_bytes = kernels::row_bytes(dtype, tensor.dims[0]);
  for (uint64_t at = 0; at < n_rows; at += batch_rows) {
    const uint64_t n = std::min(batch_rows, n_rows - at);
    batch_.resize(n * to_bytes);
    std::mutex mutex;
    std::optional<Error> problem;
    threads_.parallel_for(n, piece_rows, [&](size_t begin, size_t end) {
      Status done = convert_rows(tensor, dtype, at + begin, at + end, batch_.data() + begin * to_bytes);
      if (done) return;
      const std::lock_guard lock(mutex);
      if (!problem) problem = std::move(done).error();
    });
    HEARTH_CHECK_OK(wrote(0));  // damage explains bad values
    if (problem) return propagate(std::move(*problem));
    HEARTH_CHECK_OK(sink.write(batch_));
    HEARTH_CHECK_OK(wrote(batch_.size()));
  }
  return {};
}

Status QuantizePlan::write(const std::filesystem::path& path, ThreadPool& threads,
                           const QuantizeProgress& progress) const {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return fail(ErrorCategory::kInvalidArgument, "{}: exists already; choose another name or remove it",
                path.string());
  }
  HEARTH_CHECK_OK(gguf::check_room(path, output_bytes()));
  Work work(*this, threads, progress);
  return writer_.write(path, [&](size_t index, gguf::TensorSink& sink) { return work.produce(index, sink); });
}

}  // namespace hearth::convert
