// Writes a GGUF v3 file: metadata and tensor list first, then the tensors' bytes one after another from a
// callback, so that a file larger than memory needs no memory.
//
//   GgufWriter writer;
//   writer.add_string("general.architecture", "llama");
//   writer.add_tensor("output_norm.weight", DType::kF32, {4096});
//   writer.write(path, [&](size_t index, TensorSink& sink) { return sink.write(bytes_of(index)); });
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "gguf/model_file.h"
#include "kernels/dtype.h"

namespace hearth::gguf {

// Takes one tensor's bytes, in order and in pieces of any size.
class TensorSink {
 public:
  virtual Status write(std::span<const std::byte> bytes) = 0;

 protected:
  ~TensorSink() = default;
};

class GgufWriter {
 public:
  // Metadata, kept in this order. Names are checked by write().
  void add_uint32(std::string_view key, uint32_t value);
  void add_uint64(std::string_view key, uint64_t value);
  void add_float(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_int_array(std::string_view key, std::span<const int32_t> values);
  void add_float_array(std::string_view key, std::span<const float> values);
  void add_bool_array(std::string_view key, const std::vector<bool>& values);
  void add_string_array(std::string_view key, std::span<const std::string_view> values);
  // The entry as it stands in another file, under its own key.
  void copy(const MetadataEntry& entry);

  // dims as in TensorInfo: dims[0] contiguous.
  void add_tensor(std::string_view name, kernels::DType dtype, std::span<const uint64_t> dims);
  void add_tensor(std::string_view name, kernels::DType dtype, std::initializer_list<uint64_t> dims);

  // Of the whole file, padding included.
  uint64_t size_bytes() const;

  // Calls produce(index, sink) for each tensor in the order they were added; it must hand over exactly the
  // tensor's bytes. Writes a temporary file beside `path`, syncs it and renames it: `path` has the whole file
  // or what it had before. Errors: kInvalidArgument for names, shapes or amounts that make no valid file;
  // kIo; whatever produce returns.
  Status write(const std::filesystem::path& path,
               FunctionRef<Status(size_t index, TensorSink& sink)> produce) const;

 private:
  struct Tensor {
    std::string name;
    kernels::DType dtype;
    std::vector<uint64_t> dims;
    uint64_t bytes;
    uint64_t offset;  // into the data section
  };

  void add_key(std::string_view key, ValueType type);
  void add_array(std::string_view key, ValueType type, uint64_t count);
  Status check() const;
  std::string header() const;

  std::vector<std::string> keys_;
  std::string entries_;  // serialised
  std::vector<Tensor> tensors_;
  uint64_t data_bytes_ = 0;
};

}  // namespace hearth::gguf
