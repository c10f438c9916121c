// The one error type of the project: a category that decides status and exit code, and a sentence for a
// person. Context is added on the way up ("model x: tensor blk.3.attn_q: ...").
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace hearth {

enum class ErrorCategory {
  kInvalidArgument,  // the caller asked for something that cannot be done as asked
  kNotFound,         // a file, model or route that does not exist
  kCorrupt,          // data that breaks its own format
  kUnsupported,      // valid, but not something this build can do
  kContextExceeded,  // a prompt that does not fit the context
  kQueueFull,        // too many requests are waiting already; the same one may be sent again soon
  kOverloaded,       // not now: memory is short, or the program is ending
  kCancelled,        // the caller went away
  kIo,               // the operating system said no
  kInternal,         // a defect of ours
};

struct Error {
  ErrorCategory category = ErrorCategory::kInternal;
  std::string message;

  // The same error with "context: " in front of its message.
  Error with_context(std::string_view context) && {
    std::string whole;
    whole.reserve(context.size() + 2 + message.size());
    whole.append(context).append(": ").append(message);
    message = std::move(whole);
    return std::move(*this);
  }
};

// How a category is shown outside. The only table of HTTP statuses and exit codes.
struct ErrorCodes {
  std::string_view name;
  int http_status;
  int exit_code;
};
ErrorCodes error_codes(ErrorCategory category);

}  // namespace hearth
