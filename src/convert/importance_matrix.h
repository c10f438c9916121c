// An importance matrix: for each weight matrix, the mean square of what its columns were multiplied with over
// some text. A weight's squared error counts by that much in what the matrix gives.
//
// Reads the GGUF form (tensors NAME.in_sum2 and NAME.counts), which it also writes, and the older .dat form.
// Files are untrusted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::convert {

// What one tensor's matrices (several only for stacks of experts) were multiplied with.
struct InputSums {
  std::string tensor;
  uint64_t n_columns = 0;
  std::vector<double> sums;   // of squares, the columns of one matrix behind those of the other
  std::vector<float> counts;  // rows that each matrix was used for
};

// How the text was read, for those who look at the file.
struct ImportanceText {
  std::string name;
  uint32_t n_windows = 0;
  uint32_t window_tokens = 0;
};

// Writes the GGUF form: `path` has all of it or does not change. kInvalidArgument if it exists; kIo.
Status write_importance_matrix(const std::filesystem::path& path, std::span<const InputSums> tensors,
                               const ImportanceText& text);

class ImportanceMatrix {
 public:
  // kCorrupt names the entry at fault.
  static Result<ImportanceMatrix> open(const std::filesystem::path& path);
  // The older form, from its bytes.
  static Result<ImportanceMatrix> parse_dat(std::span<const std::byte> bytes);

  // The weights of the columns of one matrix of a tensor (several only for stacks of experts), all above zero
  // with mean near 1. Empty where the file knows nothing of the tensor or of that expert. kInvalidArgument
  // where it was made for another shape.
  Result<std::span<const float>> weights(std::string_view tensor, uint64_t n_columns, uint64_t n_matrices,
                                         uint64_t matrix) const;
  bool contains(std::string_view tensor) const { return entries_.find(tensor) != entries_.end(); }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint64_t n_columns = 0;
    std::vector<std::vector<float>> matrices;  // an empty one: nothing known
  };
  Status add(std::string_view name, std::span<const float> sums, std::span<const float> counts);

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace hearth::convert
