// Work that takes long and says how far it is: each report is a line, as making, pulling and pushing models
// have it.
#pragma once

#include <functional>

#include "api/http_types.h"
#include "api/json.h"
#include "api/worker.h"
#include "base/result.h"

namespace hearth::api::ollama {

// Takes a line for the client. False: nobody waits for the work any more.
using Report = std::function<bool(const Json&)>;
using Job = std::function<Status(const Report&)>;

// Does `job` on the worker, which outlives the connection, and replies: line by line, or with `stream` false
// the last one alone. An error before the first line is an error reply, a later one a line of its own. A
// client that leaves ends the job at its next report.
Task<void> reply_with_progress(Worker& worker, Job job, bool stream, ResponseWriter& writer);

}  // namespace hearth::api::ollama
