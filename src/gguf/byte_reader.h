// Reads little-endian numbers and runs of bytes from a span, never past its end. The bytes are borrowed.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

static_assert(std::endian::native == std::endian::little, "model files are mapped as they are");

namespace hearth::gguf {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }

  // False, and nothing read, when the bytes end before the value does.
  template <typename T>
  requires std::is_arithmetic_v<T>
  bool read(T& value) {
    if (left() < sizeof(T)) return false;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return true;
  }

  bool read(uint64_t length, std::span<const std::byte>& run) {
    if (left() < length) return false;
    run = bytes_.subspan(position_, length);
    position_ += length;
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace hearth::gguf
