// Builds the bytes of GGUF files for tests, right or wrong: nothing is checked here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/model_file.h"

namespace hearth::gguf::testing {

class TestFile {
 public:
  std::string magic = "GGUF";
  uint32_t version = 3;
  std::optional<uint64_t> claimed_tensors;  // other than there are
  std::optional<uint64_t> claimed_entries;
  uint64_t alignment = 32;  // of the data section; no key is written for it
  std::string data;         // the data section

  template <typename T>
  static std::string raw(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::string text(std::string_view s) { return raw<uint64_t>(s.size()) + std::string(s); }

  // A metadata entry with the bytes of its value as they are.
  TestFile& entry(std::string_view key, uint32_t type, std::string_view value) {
    entries_ += text(key) + raw(type) + std::string(value);
    ++n_entries_;
    return *this;
  }
  TestFile& entry(std::string_view key, ValueType type, std::string_view value) {
    return entry(key, static_cast<uint32_t>(type), value);
  }
  TestFile& u32(std::string_view key, uint32_t v) { return entry(key, ValueType::kUint32, raw(v)); }
  TestFile& string(std::string_view key, std::string_view v) {
    return entry(key, ValueType::kString, text(v));
  }
  TestFile& array(std::string_view key, uint32_t element_type, uint64_t count, std::string_view items) {
    return entry(key, ValueType::kArray, raw(element_type) + raw(count) + std::string(items));
  }

  TestFile& tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type, uint64_t offset) {
    tensors_ += text(name) + raw(static_cast<uint32_t>(dims.size()));
    for (uint64_t d : dims) tensors_ += raw(d);
    tensors_ += raw(type) + raw(offset);
    ++n_tensors_;
    return *this;
  }

  std::string bytes() const {
    std::string out = magic + raw(version) + raw(claimed_tensors.value_or(n_tensors_)) +
                      raw(claimed_entries.value_or(n_entries_)) + entries_ + tensors_;
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
  }

 private:
  std::string entries_;
  std::string tensors_;
  uint64_t n_entries_ = 0;
  uint64_t n_tensors_ = 0;
};

// A right file with one of everything: 2 tensors, all kinds of values.
inline TestFile small_file() {
  TestFile file;
  file.string("general.architecture", "llama").u32("llama.block_count", 2);
  file.entry("u8", ValueType::kUint8, TestFile::raw<uint8_t>(200));
  file.entry("i8", ValueType::kInt8, TestFile::raw<int8_t>(-5));
  file.entry("u16", ValueType::kUint16, TestFile::raw<uint16_t>(60000));
  file.entry("i16", ValueType::kInt16, TestFile::raw<int16_t>(-300));
  file.entry("i32", ValueType::kInt32, TestFile::raw<int32_t>(-70000));
  file.entry("f32", ValueType::kFloat32, TestFile::raw<float>(0.5f));
  file.entry("bool", ValueType::kBool, TestFile::raw<uint8_t>(1));
  file.entry("u64", ValueType::kUint64, TestFile::raw<uint64_t>(~uint64_t{0}));
  file.entry("i64", ValueType::kInt64, TestFile::raw<int64_t>(-1));
  file.entry("f64", ValueType::kFloat64, TestFile::raw<double>(1e300));
  file.array("strings", 8, 3, TestFile::text("a") + TestFile::text("") + TestFile::text("ccc"));
  file.array("ints", 5, 2, TestFile::raw<int32_t>(-1) + TestFile::raw<int32_t>(7));
  file.array("floats", 6, 2, TestFile::raw<float>(1.5f) + TestFile::raw<float>(-2));
  file.array("bools", 7, 3, std::string("\1\0\1", 3));
  file.array("empty", 4, 0, "");
  file.tensor("a.weight", {4, 2}, 0, 0).tensor("b.weight", {32, 2}, 2, 32);
  file.data.assign(32 + 36, 'x');
  return file;
}

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace hearth::gguf::testing
