// Compressed bodies: any bytes, in any pieces, inflate to no more than the limit or give one error.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/content_decoder.h"
#include "fuzz_target.h"

namespace {

constexpr size_t kMaxBytes = 100'000;

struct Outcome {
  std::string text;
  int status = 200;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(const char* coding, std::string_view bytes, size_t piece) {
  const auto decoder = hearth::api::ContentDecoder::create(coding);
  Outcome outcome;
  for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
    if (const auto error = decoder->write(bytes.substr(at, piece), outcome.text, kMaxBytes)) {
      outcome.status = error->status;
      break;
    }
  }
  if (outcome.status == 200) {
    if (const auto error = decoder->finish()) outcome.status = error->status;
  }
  if (outcome.text.size() > kMaxBytes) std::abort();
  if (outcome.status != 200 && outcome.status != 400 && outcome.status != 413) std::abort();
  return outcome;
}

}  // namespace

// The first byte chooses the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const char* coding : {"gzip", "zstd"}) {
    const Outcome whole = decode(coding, bytes, SIZE_MAX);
    const Outcome pieces = decode(coding, bytes, 1 + data[0] % 16);
    // Where damage is met before the limit depends on the pieces; what is good does not.
    if ((whole.status == 200 || pieces.status == 200) && whole != pieces) std::abort();
  }
  return 0;
}
