// The safetensors reader on any bytes: what it gives lies in the file.
#include <cstdlib>

#include "convert/safetensors.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto tensors = hearth::convert::parse_safetensors(file);
  if (!tensors) {
    if (tensors.error().message.empty()) std::abort();
    return 0;
  }
  size_t bytes = 0;
  for (const auto& tensor : *tensors) {
    if (tensor.bytes.data() < file.data() || tensor.bytes.data() + tensor.bytes.size() > file.data() + size) {
      std::abort();
    }
    bytes += tensor.bytes.size();
  }
  if (bytes > size) std::abort();
  return 0;
}
