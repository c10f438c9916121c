// Where a request's body goes while it comes, on routes whose bodies do not fit memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/error_response.h"

namespace hearth::api {

// Made for one request, used on its connection's strand; dropped when the body does not come whole.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // The next bytes; the client sends no more until they are taken. An error is the reply.
  virtual Task<std::optional<ApiError>> write(std::string bytes) = 0;
};

// Called when the head of a request has been read and its caller may do what it asks for. An error is the
// reply; the body is not read.
using OpenSink = std::function<Task<std::optional<ApiError>>(const HttpRequest&, std::shared_ptr<BodySink>&)>;

}  // namespace hearth::api
