// The safetensors format: u64 length | JSON header | data. The header has for each tensor its dtype, shape
// and [begin, end) in the data. Files are untrusted: everything is checked before a byte is used.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::convert {

struct SafeTensor {
  std::string name;
  std::string dtype;            // "BF16"
  std::vector<uint64_t> shape;  // row-major: the last dimension is contiguous
  std::span<const std::byte> bytes;
};

// The tensors by rising offset; together they are the whole data, without gaps or overlaps, as the format
// asks. kCorrupt names the tensor at fault; kUnsupported for a dtype that is not known.
Result<std::vector<SafeTensor>> parse_safetensors(std::span<const std::byte> file);

}  // namespace hearth::convert
