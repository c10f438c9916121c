// A validated, memory-mapped view of a GGUF model: metadata and tensors, from one file or a set of shards.
//
// Everything a file says is untrusted. open() checks every count, length, offset and shape against the bytes
// that are there before anything is used, so that code holding a ModelFile may trust its spans. The limits
// are in gguf/limits.h. Format: GGUF v2 and v3, little-endian.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "kernels/dtype.h"

namespace hearth::gguf {

enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};
std::string_view value_type_name(ValueType type);

// An array as it lies in the file. Strings are walked once at open(), so element access is constant time.
struct Array {
  ValueType element_type;
  uint64_t count;
  std::span<const std::byte> bytes;       // packed elements; for strings, the raw run
  std::vector<std::string_view> strings;  // filled when element_type is kString
};

// Integers widen to 64 bits, floats to double.
using Value = std::variant<uint64_t, int64_t, double, bool, std::string_view, Array>;

struct MetadataEntry {
  std::string_view key;
  ValueType type;
  Value value;
};

// Key lookup with conversions that cannot lose anything. A key that is absent gives nullopt; a key of another
// type or out of range gives an error that names it.
class Metadata {
 public:
  std::span<const MetadataEntry> entries() const { return entries_; }
  const MetadataEntry* find(std::string_view key) const;

  Result<std::optional<uint64_t>> get_uint(std::string_view key) const;
  Result<std::optional<double>> get_float(std::string_view key) const;  // integers accepted
  Result<std::optional<bool>> get_bool(std::string_view key) const;
  Result<std::optional<std::string_view>> get_string(std::string_view key) const;
  // Integer and bool arrays (bools as 0/1); a scalar gives one element.
  Result<std::optional<std::vector<int64_t>>> get_int_array(std::string_view key) const;
  Result<std::optional<std::vector<float>>> get_float_array(std::string_view key) const;
  // The span borrows from this object.
  Result<std::optional<std::span<const std::string_view>>> get_string_array(std::string_view key) const;

 private:
  friend class ModelFile;
  friend struct Parser;
  std::vector<MetadataEntry> entries_;  // file order
  std::vector<uint32_t> by_key_;        // indices into entries_, sorted by key
};

struct TensorInfo {
  std::string_view name;
  kernels::DType dtype;
  uint32_t n_dims;                   // 1 … 4
  uint64_t dims[4];                  // GGUF order, dims[0] contiguous; unused are 1
  std::span<const std::byte> bytes;  // exactly the tensor's data, inside the mapping

  uint64_t n_elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  std::string shape_string() const;  // "4096 x 14336"
};

class ModelFile {
 public:
  // `path` is a single file or any shard of PREFIX-00001-of-0000N.gguf; all shards are opened and checked.
  // Errors name the file and the key or tensor at fault: kNotFound, kInvalidArgument, kCorrupt, kUnsupported
  // (tensor types, big-endian files, versions), kIo.
  static Result<ModelFile> open(const std::filesystem::path& path);
  // The same for all shards in order, whatever they are called; at least one.
  static Result<ModelFile> open(std::span<const std::filesystem::path> shards);

  ModelFile(ModelFile&&) noexcept;
  ModelFile& operator=(ModelFile&&) noexcept;
  ~ModelFile();

  const Metadata& metadata() const;
  std::span<const TensorInfo> tensors() const;  // of all shards, file order
  const TensorInfo* find_tensor(std::string_view name) const;

  uint32_t version() const;
  std::span<const MappedFile> shards() const;
  uint64_t size_bytes() const;  // of all shards

  // True once a shard was found cut short while mapped (base/mapped_file.h).
  bool damaged() const;

 private:
  struct State;
  explicit ModelFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hearth::gguf
