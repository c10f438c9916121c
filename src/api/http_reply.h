// The bytes of a reply's head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/http_types.h"

namespace hearth::api {

struct ReplyFraming {
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  std::optional<uint64_t> content_length;  // neither: the body ends with the connection
};

// Status line and headers up to the empty line. `request` gives the id and, for an allowed foreign origin,
// the CORS headers; it may be null when the request could not be read.
std::string reply_head(const HttpResponse& response, const ReplyFraming& framing, const HttpRequest* request);

// One element of the chunked coding.
std::string chunk_prefix(size_t n_bytes);

}  // namespace hearth::api
