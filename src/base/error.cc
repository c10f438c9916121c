#include "base/error.h"

namespace hearth {

ErrorCodes error_codes(ErrorCategory category) {
  switch (category) {
    case ErrorCategory::kInvalidArgument:
      return {"invalid_argument", 400, 2};
    case ErrorCategory::kNotFound:
      return {"not_found", 404, 3};
    case ErrorCategory::kCorrupt:
      return {"corrupt", 422, 4};
    case ErrorCategory::kUnsupported:
      return {"unsupported", 501, 5};
    case ErrorCategory::kContextExceeded:
      return {"context_exceeded", 400, 6};
    case ErrorCategory::kQueueFull:
      return {"queue_full", 429, 7};
    case ErrorCategory::kOverloaded:
      return {"overloaded", 503, 7};
    case ErrorCategory::kIo:
      return {"io", 500, 8};
    case ErrorCategory::kInternal:
      return {"internal", 500, 70};
    case ErrorCategory::kCancelled:
      return {"cancelled", 499, 130};
  }
  return {"internal", 500, 70};
}

}  // namespace hearth
