#include "convert/importance_matrix.h"

#include <cmath>
#include <cstring>

#include "base/mapped_file.h"
#include "gguf/limits.h"
#include "gguf/model_file.h"
#include "gguf/printable.h"
#include "gguf/writer.h"

namespace hearth::convert {
namespace {

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";

// Columns that were hardly used still keep this share of the mean weight, so that no block is without any.
constexpr double kLeastWeight = 1e-3;

Result<std::vector<float>> floats_of(const gguf::TensorInfo& tensor) {
  if (tensor.dtype != kernels::DType::kF32) {
    return fail(kCorrupt, "{}: the values are not float32", gguf::printable(tensor.name));
  }
  std::vector<float> values(tensor.n_elements());
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

// The older form: little-endian, no magic.
class DatReader {
 public:
  explicit DatReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  Result<int32_t> number() {
    int32_t value = 0;
    HEARTH_TRY(const auto from, take(sizeof value));
    std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  Result<std::span<const std::byte>> take(uint64_t n) {
    if (n > rest_.size()) return fail(kCorrupt, "the file ends within an entry");
    const auto taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace

Status write_importance_matrix(const std::filesystem::path& path, std::span<const InputSums> tensors,
                               const ImportanceText& text) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return fail(ErrorCategory::kInvalidArgument, "{}: exists already; choose another name or remove it",
                path.string());
  }
  gguf::GgufWriter writer;
  writer.add_string("general.type", "imatrix");
  const std::string_view names[] = {text.name};
  writer.add_string_array("imatrix.datasets", names);
  writer.add_uint32("imatrix.chunk_count", text.n_windows);
  writer.add_uint32("imatrix.chunk_size", text.window_tokens);
  for (const InputSums& tensor : tensors) {
    const uint64_t n_matrices = tensor.counts.size();
    writer.add_tensor(tensor.tensor + std::string(kSums), kernels::DType::kF32,
                      {tensor.n_columns, n_matrices});
    writer.add_tensor(tensor.tensor + std::string(kCounts), kernels::DType::kF32, {1, n_matrices});
  }
  return writer.write(path, [&](size_t index, gguf::TensorSink& sink) {
    const InputSums& tensor = tensors[index / 2];
    if (index % 2 == 1) return sink.write(std::as_bytes(std::span(tensor.counts)));
    const std::vector<float> sums(tensor.sums.begin(), tensor.sums.end());
    return sink.write(std::as_bytes(std::span(sums)));
  });
}

Status ImportanceMatrix::add(std::string_view name, std::span<const float> sums,
                             std::span<const float> counts) {
  if (counts.empty() || sums.empty() || sums.size() % counts.size() != 0) {
    return fail(kCorrupt, "{}: {} sums for {} matrices", gguf::printable(name), sums.size(), counts.size());
  }
  Entry entry{.n_columns = sums.size() / counts.size(), .matrices = {}};
  for (size_t m = 0; m < counts.size(); ++m) {
    const auto columns = sums.subspan(m * entry.n_columns, entry.n_columns);
    double total = 0;
    bool sound = std::isfinite(counts[m]) && counts[m] >= 0;
    for (const float value : columns) {
      sound = sound && std::isfinite(value) && value >= 0;
      total += static_cast<double>(value);
    }
    if (!sound) return fail(kCorrupt, "{}: a sum of squares that cannot be", gguf::printable(name));
    std::vector<float> weights;
    if (counts[m] > 0 && total > 0) {
      const double mean = total / static_cast<double>(entry.n_columns);
      for (const float value : columns) {
        weights.push_back(static_cast<float>(std::max(static_cast<double>(value) / mean, kLeastWeight)));
      }
    }
    entry.matrices.push_back(std::move(weights));
  }
  if (!entries_.emplace(name, std::move(entry)).second) {
    return fail(kCorrupt, "{} appears twice", gguf::printable(name));
  }
  return {};
}

Result<ImportanceMatrix> ImportanceMatrix::parse_dat(std::span<const std::byte> bytes) {
  ImportanceMatrix matrix;
  DatReader reader(bytes);
  HEARTH_TRY(const int32_t n_entries, reader.number());
  if (n_entries <= 0 || static_cast<uint64_t>(n_entries) > gguf::kMaxTensors) {
    return fail(kCorrupt, "this is no importance matrix");
  }
  for (int32_t i = 0; i < n_entries; ++i) {
    HEARTH_TRY(const int32_t name_length, reader.number());
    if (name_length <= 0 || static_cast<uint64_t>(name_length) > gguf::kMaxKeyBytes) {
      return fail(kCorrupt, "entry {}: a name of {} bytes", i, name_length);
    }
    HEARTH_TRY(const auto name, reader.take(static_cast<uint64_t>(name_length)));
    HEARTH_TRY(const int32_t calls, reader.number());
    HEARTH_TRY(const int32_t n_values, reader.number());
    if (n_values <= 0) return fail(kCorrupt, "entry {}: {} values", i, n_values);
    HEARTH_TRY(const auto values, reader.take(static_cast<uint64_t>(n_values) * sizeof(float)));
    std::vector<float> sums(static_cast<size_t>(n_values));
    std::memcpy(sums.data(), values.data(), values.size());
    // Experts lie one behind the other here, without a count of their own: the caller's shape tells.
    const float count = calls > 0 ? static_cast<float>(calls) : 1.0f;
    HEARTH_CHECK_OK(
        matrix.add({reinterpret_cast<const char*>(name.data()), name.size()}, sums, std::span(&count, 1)));
  }
  return matrix;
}

Result<ImportanceMatrix> ImportanceMatrix::open(const std::filesystem::path& path) {
  const auto in_file = [&path](Error error) { return propagate(std::move(error), path.string()); };
  HEARTH_TRY(const MappedFile mapped, MappedFile::open(path));
  const auto bytes = mapped.bytes();
  if (bytes.size() < 4 || std::memcmp(bytes.data(), "GGUF", 4) != 0) {
    auto matrix = parse_dat(bytes);
    if (!matrix) return in_file(std::move(matrix).error());
    return matrix;
  }
  HEARTH_TRY(const gguf::ModelFile file, gguf::ModelFile::open(path));
  ImportanceMatrix matrix;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    const std::string_view name = tensor.name.substr(0, tensor.name.size() - kSums.size());
    const gguf::TensorInfo* counts = file.find_tensor(std::string(name) + std::string(kCounts));
    if (counts == nullptr) {
      return in_file({kCorrupt, fmt::format("{}: there are no counts", gguf::printable(name))});
    }
    auto sums = floats_of(tensor);
    if (!sums) return in_file(std::move(sums).error());
    auto numbers = floats_of(*counts);
    if (!numbers) return in_file(std::move(numbers).error());
    if (auto added = matrix.add(name, *sums, *numbers); !added) return in_file(std::move(added).error());
  }
  if (matrix.entries_.empty()) return in_file({kCorrupt, "this is no importance matrix: no NAME.in_sum2"});
  return matrix;
}

Result<std::span<const float>> ImportanceMatrix::weights(std::string_view tensor, uint64_t n_columns,
                                                         uint64_t n_matrices, uint64_t matrix) const {
  const auto found = entries_.find(tensor);
  if (found == entries_.end()) return std::span<const float>();
  const Entry& entry = found->second;
  if (entry.n_columns == n_columns && entry.matrices.size() == n_matrices) return entry.matrices[matrix];
  // One run of columns for all matrices: the same for each of them, or one after the other.
  if (entry.matrices.size() == 1 && entry.n_columns == n_columns) return entry.matrices[0];
  if (entry.matrices.size() == 1 && entry.n_columns == n_columns * n_matrices && !entry.matrices[0].empty()) {
    return std::span(entry.matrices[0]).subspan(matrix * n_columns, n_columns);
  }
  return fail(ErrorCategory::kInvalidArgument,
              "the importance matrix was made for another model: {} has {} columns there and {} here", tensor,
              entry.n_columns, n_columns);
}

}  // namespace hearth::convert
