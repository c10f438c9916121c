#include "convert/quantize_model.h"

#include <algorithm>
#include <cstring>
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

uint64_t n_matrices(const SourceTensor& tensor) {
  return tensor.dims.size() < 2 ? 1 : tensor.n_rows() / tensor.dims[1];
}

}  // namespace

Result<QuantizePlan> QuantizePlan::make(ModelSource source, const QuantMix& mix,
                                        const ImportanceMatrix* importance) {
  QuantizePlan plan(std::move(source), importance);
  plan.mix_name_ = mix.name;
  gguf::GgufWriter& writer = plan.source_.writer;
  writer.add_uint32("general.quantization_version", 2);
  writer.add_uint32("general.file_type", mix.file_type);
  if (importance != nullptr) {
    writer.add_uint32("quantize.imatrix.entries_count", static_cast<uint32_t>(importance->size()));
  }
  MixModel model = plan.source_.facts;
  model.architecture = plan.source_.architecture;
  model.has_importance = importance != nullptr;
  std::vector<MixTensor> tensors;
  for (const SourceTensor& tensor : plan.source_.tensors) tensors.push_back({tensor.name, tensor.dims});
  const auto chosen = choose_types(mix, model, tensors);
  bool any_importance = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const SourceTensor& tensor = plan.source_.tensors[i];
    const DType dtype = chosen[i].value_or(tensor.kept_as);
    plan.types_.push_back(dtype);
    writer.add_tensor(tensor.name, dtype, tensor.dims);
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
      HEARTH_TRY(const auto weights, importance->weights(tensor.name, tensor.dims[0], n_matrices(tensor), 0));
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

QuantizePlan QuantizePlan::joined(ModelSource source) {
  QuantizePlan plan(std::move(source), nullptr);
  gguf::GgufWriter& writer = plan.source_.writer;
  writer.add_uint32("general.quantization_version", 2);
  if (plan.source_.file_type) {
    writer.add_uint32("general.file_type", static_cast<uint32_t>(*plan.source_.file_type));
  }
  for (const SourceTensor& tensor : plan.source_.tensors) {
    plan.types_.push_back(tensor.kept_as);
    writer.add_tensor(tensor.name, tensor.kept_as, tensor.dims);
    plan.n_values_ += tensor.n_elements();
  }
  return plan;
}

double QuantizePlan::bits_per_weight() const {
  uint64_t bytes = 0;
  for (size_t i = 0; i < types_.size(); ++i) {
    bytes += kernels::row_bytes(types_[i], source_.tensors[i].n_elements());
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
    const SourceTensor& tensor = plan_.source_.tensors[index];
    const DType dtype = plan_.types_[index];
    const bool as_it_is = dtype == tensor.dtype && tensor.paired_heads == 0;
    Status done = as_it_is ? copy(tensor, sink) : convert(tensor, dtype, sink);
    if (!done) {
      return propagate(std::move(done).error(), fmt::format("tensor {}", gguf::printable(tensor.name)));
    }
    return {};
  }

 private:
  Status copy(const SourceTensor& tensor, gguf::TensorSink& sink);
  Status convert(const SourceTensor& tensor, DType dtype, gguf::TensorSink& sink);
  Status convert_rows(const SourceTensor& tensor, DType dtype, uint64_t first, uint64_t end,
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
  if (plan_.source_.damaged()) {
    return fail(ErrorCategory::kIo, "the source was changed or cut short while it was read");
  }
  if (progress_.cancelled != nullptr && progress_.cancelled->load()) {
    return fail(ErrorCategory::kCancelled, "stopped; nothing was written");
  }
  return {};
}

Status QuantizePlan::Work::copy(const SourceTensor& tensor, gguf::TensorSink& sink) {
  for (const auto part : tensor.parts) {
    for (uint64_t at = 0; at < part.size(); at += kCopyBytes) {
      const auto piece = part.subspan(at, std::min<uint64_t>(kCopyBytes, part.size() - at));
      HEARTH_CHECK_OK(sink.write(piece));
      HEARTH_CHECK_OK(wrote(piece.size()));
    }
  }
  return {};
}

Status QuantizePlan::Work::convert_rows(const SourceTensor& tensor, DType dtype, uint64_t first, uint64_t end,
                                        std::byte* out) const {
  const uint64_t n = tensor.dims[0];
  const size_t to_bytes = kernels::row_bytes(dtype, n);
  const auto dequantize = kernels_.dequantize_row[static_cast<size_t>(tensor.dtype)];
  std::vector<float> row(n);
  for (uint64_t r = first; r < end; ++r, out += to_bytes) {
    const std::byte* const from = tensor.row(r);
    if (dtype == tensor.dtype) {
      std::memcpy(out, from, to_bytes);
      continue;
    }
    dequantize(from, row.data(), n);
    HEARTH_CHECK_OK(check_values(dtype, row));
    std::span<const float> weights;
    if (plan_.importance_ != nullptr) {
      HEARTH_TRY(weights, plan_.importance_->weights(tensor.name, n, n_matrices(tensor),
                                                     tensor.dims.size() < 2 ? 0 : r / tensor.dims[1]));
    }
    quantize_row(dtype, row, weights.empty() ? nullptr : weights.data(), out);
  }
  return {};
}

Status QuantizePlan::Work::convert(const SourceTensor& tensor, DType dtype, gguf::TensorSink& sink) {
  const uint64_t n_rows = tensor.n_rows();
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
  return source_.writer.write(
      path, [&](size_t index, gguf::TensorSink& sink) { return work.produce(index, sink); });
}

}  // namespace hearth::convert
