// Storage formats of tensors and their block geometry. The ids are those of the GGUF format, so that a file's
// type field converts by a range check. Shared by the file format and the kernels that read the blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::kernels {

enum class DType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
  kMXFP4 = 39,
};
inline constexpr size_t kDTypeIds = 40;  // one past the largest id above

struct DTypeTraits {
  DType dtype;
  std::string_view name;  // as the field writes it: "Q4_K"
  uint32_t block_size;    // values in a block
  uint32_t block_bytes;
};

// All supported formats, by rising id.
inline constexpr DTypeTraits kDTypes[] = {
    {DType::kF32, "F32", 1, 4},         {DType::kF16, "F16", 1, 2},
    {DType::kQ4_0, "Q4_0", 32, 18},     {DType::kQ4_1, "Q4_1", 32, 20},
    {DType::kQ5_0, "Q5_0", 32, 22},     {DType::kQ5_1, "Q5_1", 32, 24},
    {DType::kQ8_0, "Q8_0", 32, 34},     {DType::kQ2_K, "Q2_K", 256, 84},
    {DType::kQ3_K, "Q3_K", 256, 110},   {DType::kQ4_K, "Q4_K", 256, 144},
    {DType::kQ5_K, "Q5_K", 256, 176},   {DType::kQ6_K, "Q6_K", 256, 210},
    {DType::kIQ4_NL, "IQ4_NL", 32, 18}, {DType::kIQ4_XS, "IQ4_XS", 256, 136},
    {DType::kBF16, "BF16", 1, 2},       {DType::kMXFP4, "MXFP4", 32, 17},
};

// nullptr for an id that is not supported.
constexpr const DTypeTraits* find_dtype(uint32_t id) {
  for (const DTypeTraits& traits : kDTypes) {
    if (static_cast<uint32_t>(traits.dtype) == id) return &traits;
  }
  return nullptr;
}

constexpr const DTypeTraits& traits_of(DType dtype) {
  return *find_dtype(static_cast<uint32_t>(dtype));
}

// The bytes of a row of n values; n is a multiple of the block size.
constexpr size_t row_bytes(DType dtype, size_t n) {
  const DTypeTraits& traits = traits_of(dtype);
  return n / traits.block_size * traits.block_bytes;
}

}  // namespace hearth::kernels
