// Any text as a Modelfile. What was read can be written, unless quotes forbid it, and reads back as the same.
#include <cstdlib>
#include <string_view>

#include "fuzz_target.h"
#include "store/modelfile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::store;
  const auto file = parse_modelfile({reinterpret_cast<const char*>(data), size});
  if (!file) {
    if (file.error().message.empty()) std::abort();
    return 0;
  }
  const auto written = write_modelfile(*file);
  if (!written) return 0;
  const auto again = parse_modelfile(*written);
  if (!again || again->from != file->from || again->system != file->system ||
      again->template_text != file->template_text || again->licenses != file->licenses ||
      again->messages.size() != file->messages.size() ||
      again->parameters.size() != file->parameters.size()) {
    std::abort();
  }
  return 0;
}
