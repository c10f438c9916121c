// Request bodies with a Content-Encoding: inflated as they arrive, under a limit on what comes out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/error_response.h"

namespace hearth::api {

class ContentDecoder {
 public:
  // For a Content-Encoding in lower case: "gzip" (also "x-gzip") or "zstd"; null for others.
  static std::unique_ptr<ContentDecoder> create(std::string_view coding);

  virtual ~ContentDecoder() = default;

  // Appends what `bytes` inflate to. 400 for bytes that are not of the coding; 413 as soon as `out` would be
  // longer than `max_bytes`. Not called again after an error.
  virtual std::optional<ApiError> write(std::string_view bytes, std::string& out, size_t max_bytes) = 0;

  // 400 unless the input was whole.
  virtual std::optional<ApiError> finish() = 0;
};

}  // namespace hearth::api
