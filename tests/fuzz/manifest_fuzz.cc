// What a registry, or another program's store, calls a manifest, and records of imports: anything is either
// read or refused with a sentence, and what was read is written so that it reads back.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/import_record.h"
#include "store/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::store;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = Manifest::parse(text)) {
    const std::string written = manifest->to_json();
    const auto again = Manifest::parse(written);
    if (!again || again->to_json() != written || again->size() != manifest->size()) std::abort();
    for (const Layer& layer : manifest->layers) {
      if (layer.digest.find('/') != std::string::npos) std::abort();
    }
  } else if (manifest.error().message.empty()) {
    std::abort();
  }
  if (const auto record = ImportRecord::parse(text)) {
    const auto again = ImportRecord::parse(record->to_json());
    if (!again || again->to_json() != record->to_json()) std::abort();
  } else if (record.error().message.empty()) {
    std::abort();
  }
  return 0;
}
