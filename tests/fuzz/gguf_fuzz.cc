// The GGUF reader on any bytes, and everything that code holding a header may then do with it.
#include <cstdlib>

#include "fuzz_target.h"
#include "gguf/header.h"
#include "gguf/shards.h"

namespace {

using namespace hearth::gguf;

void look_up_everything(const Metadata& metadata, std::string_view key) {
  if (metadata.find(key) == nullptr) std::abort();
  (void)metadata.get_uint(key);
  (void)metadata.get_float(key);
  (void)metadata.get_bool(key);
  (void)metadata.get_string(key);
  (void)metadata.get_int_array(key);
  (void)metadata.get_float_array(key);
  (void)metadata.get_string_array(key);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto header = parse_header(file);
  if (!header) {
    if (header.error().message.empty()) std::abort();
    return 0;
  }
  for (const MetadataEntry& entry : header->metadata.entries())
    look_up_everything(header->metadata, entry.key);
  (void)read_split_keys(header->metadata);

  static volatile int sink = 0;
  const std::byte* end = file.data() + file.size();
  const std::byte* data_section_end = file.data();
  for (const TensorInfo& tensor : header->tensors) {
    if (tensor.n_elements() == 0 || tensor.bytes.empty()) std::abort();
    if (tensor.bytes.data() < file.data() || tensor.bytes.data() + tensor.bytes.size() > end) std::abort();
    sink = sink + std::to_integer<int>(tensor.bytes.front()) + std::to_integer<int>(tensor.bytes.back());
    data_section_end = std::max(data_section_end, tensor.bytes.data() + tensor.bytes.size());
    (void)tensor.shape_string();
  }
  return data_section_end <= end ? 0 : -1;
}
