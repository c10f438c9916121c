#include "gguf/writer.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "gguf/limits.h"
#include "gguf/output_file.h"
#include "gguf/printable.h"

namespace hearth::gguf {
namespace {

constexpr auto kInvalid = ErrorCategory::kInvalidArgument;

// Other readers of the format keep tensor names in 64 bytes, the last of them a NUL.
constexpr size_t kMaxTensorNameBytes = 63;

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void put_string(std::string& out, std::string_view text) {
  put<uint64_t>(out, text.size());
  out.append(text);
}

class CountingSink final : public TensorSink {
 public:
  CountingSink(OutputFile& file, std::string_view name, uint64_t expected)
      : file_(file), name_(name), expected_(expected) {}

  Status write(std::span<const std::byte> bytes) override {
    written_ += bytes.size();
    if (written_ > expected_) return fail(kInvalid, "tensor {}: more than its {} bytes", name_, expected_);
    return file_.write(bytes);
  }

  Status finish() {
    if (written_ != expected_)
      return fail(kInvalid, "tensor {}: {} of its {} bytes", name_, written_, expected_);
    const std::vector<std::byte> padding(align_up(written_, kDefaultAlignment) - written_);
    return file_.write(padding);
  }

 private:
  OutputFile& file_;
  std::string_view name_;
  uint64_t expected_;
  uint64_t written_ = 0;
};

Status check_names(std::vector<std::string_view> names, std::string_view what, uint64_t limit) {
  std::sort(names.begin(), names.end());
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return fail(kInvalid, "a {} without a name", what);
    if (names[i].size() > limit) {
      return fail(kInvalid, "{} {}: the name is {} bytes long; the limit is {}", what, printable(names[i]),
                  names[i].size(), limit);
    }
    if (i > 0 && names[i] == names[i - 1])
      return fail(kInvalid, "{} {} appears twice", what, printable(names[i]));
  }
  return {};
}

}  // namespace

void GgufWriter::add_key(std::string_view key, ValueType type) {
  keys_.emplace_back(key);
  put_string(entries_, key);
  put(entries_, static_cast<uint32_t>(type));
}

void GgufWriter::add_array(std::string_view key, ValueType type, uint64_t count) {
  add_key(key, ValueType::kArray);
  put(entries_, static_cast<uint32_t>(type));
  put<uint64_t>(entries_, count);
}

void GgufWriter::add_uint32(std::string_view key, uint32_t value) {
  add_key(key, ValueType::kUint32);
  put(entries_, value);
}

void GgufWriter::add_uint64(std::string_view key, uint64_t value) {
  add_key(key, ValueType::kUint64);
  put(entries_, value);
}

void GgufWriter::add_float(std::string_view key, float value) {
  add_key(key, ValueType::kFloat32);
  put(entries_, value);
}

void GgufWriter::add_bool(std::string_view key, bool value) {
  add_key(key, ValueType::kBool);
  put<uint8_t>(entries_, value ? 1 : 0);
}

void GgufWriter::add_string(std::string_view key, std::string_view value) {
  add_key(key, ValueType::kString);
  put_string(entries_, value);
}

void GgufWriter::add_int_array(std::string_view key, std::span<const int32_t> values) {
  add_array(key, ValueType::kInt32, values.size());
  for (int32_t value : values) put(entries_, value);
}

void GgufWriter::add_float_array(std::string_view key, std::span<const float> values) {
  add_array(key, ValueType::kFloat32, values.size());
  for (float value : values) put(entries_, value);
}

void GgufWriter::add_bool_array(std::string_view key, const std::vector<bool>& values) {
  add_array(key, ValueType::kBool, values.size());
  for (bool value : values) put<uint8_t>(entries_, value ? 1 : 0);
}

void GgufWriter::add_string_array(std::string_view key, std::span<const std::string_view> values) {
  add_array(key, ValueType::kString, values.size());
  for (std::string_view value : values) put_string(entries_, value);
}

void GgufWriter::copy(const MetadataEntry& entry) {
  if (const auto* array = std::get_if<Array>(&entry.value)) {
    add_array(entry.key, array->element_type, array->count);
    entries_.append(reinterpret_cast<const char*>(array->bytes.data()), array->bytes.size());
    return;
  }
  if (const auto* text = std::get_if<std::string_view>(&entry.value)) return add_string(entry.key, *text);
  add_key(entry.key, entry.type);
  const auto narrow = [&]<typename T>(T value) {
    switch (entry.type) {
      case ValueType::kUint8:
        return put(entries_, static_cast<uint8_t>(value));
      case ValueType::kInt8:
        return put(entries_, static_cast<int8_t>(value));
      case ValueType::kUint16:
        return put(entries_, static_cast<uint16_t>(value));
      case ValueType::kInt16:
        return put(entries_, static_cast<int16_t>(value));
      case ValueType::kUint32:
        return put(entries_, static_cast<uint32_t>(value));
      case ValueType::kInt32:
        return put(entries_, static_cast<int32_t>(value));
      case ValueType::kFloat32:
        return put(entries_, static_cast<float>(value));
      case ValueType::kBool:
        return put(entries_, static_cast<uint8_t>(value));
      case ValueType::kUint64:
        return put(entries_, static_cast<uint64_t>(value));
      case ValueType::kInt64:
        return put(entries_, static_cast<int64_t>(value));
      case ValueType::kFloat64:
        return put(entries_, static_cast<double>(value));
      case ValueType::kString:
      case ValueType::kArray:
        return;
    }
  };
  if (const auto* value = std::get_if<uint64_t>(&entry.value)) narrow(*value);
  if (const auto* value = std::get_if<int64_t>(&entry.value)) narrow(*value);
  if (const auto* value = std::get_if<double>(&entry.value)) narrow(*value);
  if (const auto* value = std::get_if<bool>(&entry.value)) narrow(*value);
}

void GgufWriter::add_tensor(std::string_view name, kernels::DType dtype,
                            std::initializer_list<uint64_t> dims) {
  add_tensor(name, dtype, std::span(dims.begin(), dims.size()));
}

void GgufWriter::add_tensor(std::string_view name, kernels::DType dtype, std::span<const uint64_t> dims) {
  Tensor tensor = {std::string(name), dtype, {dims.begin(), dims.end()}, 0, data_bytes_};
  if (!dims.empty()) {
    tensor.bytes = kernels::row_bytes(dtype, dims[0]);
    for (uint64_t rows : dims.subspan(1)) tensor.bytes *= rows;
  }
  data_bytes_ += align_up(tensor.bytes, kDefaultAlignment);
  tensors_.push_back(std::move(tensor));
}

Status GgufWriter::check() const {
  HEARTH_CHECK_OK(check_names({keys_.begin(), keys_.end()}, "key", kMaxKeyBytes));
  std::vector<std::string_view> names;
  for (const Tensor& tensor : tensors_) {
    names.push_back(tensor.name);
    if (tensor.dims.empty() || tensor.dims.size() > kMaxDims) {
      return fail(kInvalid, "tensor {}: {} dimensions; 1 to {} are possible", tensor.name, tensor.dims.size(),
                  kMaxDims);
    }
    const auto& traits = kernels::traits_of(tensor.dtype);
    if (tensor.bytes == 0 || tensor.dims[0] % traits.block_size != 0) {
      return fail(kInvalid, "tensor {}: rows of {} values are not whole blocks of {} ({})", tensor.name,
                  tensor.dims[0], traits.block_size, traits.name);
    }
  }
  HEARTH_CHECK_OK(check_names(std::move(names), "tensor", kMaxTensorNameBytes));
  if (keys_.size() > kMaxMetadataEntries || tensors_.size() > kMaxTensors) {
    return fail(kInvalid, "{} keys and {} tensors are more than the format's readers accept", keys_.size(),
                tensors_.size());
  }
  return {};
}

std::string GgufWriter::header() const {
  std::string out = "GGUF";
  put<uint32_t>(out, 3);
  put<uint64_t>(out, tensors_.size());
  put<uint64_t>(out, keys_.size());
  out += entries_;
  for (const Tensor& tensor : tensors_) {
    put_string(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.dims.size()));
    for (uint64_t n : tensor.dims) put(out, n);
    put(out, static_cast<uint32_t>(tensor.dtype));
    put(out, tensor.offset);
  }
  out.resize(align_up(out.size(), kDefaultAlignment));
  return out;
}

uint64_t GgufWriter::size_bytes() const {
  return header().size() + data_bytes_;
}

Status GgufWriter::write(const std::filesystem::path& path,
                         FunctionRef<Status(size_t index, TensorSink& sink)> produce) const {
  if (auto valid = check(); !valid) return propagate(std::move(valid).error(), path.string());
  HEARTH_TRY(auto file, OutputFile::create(path));
  const std::string head = header();
  HEARTH_CHECK_OK(file.write(std::as_bytes(std::span(head))));
  for (size_t i = 0; i < tensors_.size(); ++i) {
    CountingSink sink(file, tensors_[i].name, tensors_[i].bytes);
    HEARTH_CHECK_OK(produce(i, sink));
    HEARTH_CHECK_OK(sink.finish());
  }
  return file.commit();
}

}  // namespace hearth::gguf
