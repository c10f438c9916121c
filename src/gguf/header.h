// One GGUF file, read from its bytes: what ModelFile does for each shard. Works on memory alone, so that
// tests and fuzzers reach it without files.
//
//   magic "GGUF" | u32 version | u64 tensor count | u64 metadata count
//   metadata: key, u32 type, value            (string = u64 length + bytes; array = u32 type, u64 count,
//   items) tensors:  name, u32 n_dims, n_dims x u64, u32 type, u64 offset into the data section data section,
//   from the next multiple of general.alignment
#pragma once

#include <span>
#include <vector>

#include "gguf/model_file.h"

namespace hearth::gguf {

struct Header {
  uint32_t version = 0;
  uint64_t alignment = 0;
  uint64_t data_offset = 0;  // of the data section, in the file
  Metadata metadata;
  std::vector<TensorInfo> tensors;  // file order
};

// All views borrow from `file`. Errors name the key or tensor at fault, not the file.
Result<Header> parse_header(std::span<const std::byte> file);

}  // namespace hearth::gguf
