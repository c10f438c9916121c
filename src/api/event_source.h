// Generation streams as something a coroutine can wait for: no thread is held and nothing is polled.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "api/http_types.h"
#include "serving/token_stream.h"

namespace hearth::api {

struct StreamEvent {
  size_t stream = 0;  // index into the streams given to the source
  serving::GenerationEvent event;
};
struct Quiet {};  // nothing came until the time asked for

using NextEvent = std::variant<StreamEvent, Quiet, Interruption>;

// Destroying it cancels what has not ended.
class EventSource {
 public:
  EventSource(ResponseWriter& writer, std::vector<serving::TokenStream> streams);
  ~EventSource();
  EventSource(const EventSource&) = delete;

  // The next event of any stream, taking turns. A stream gives nothing after its end; not to be called when
  // all have ended. An interruption is reported before events that are waiting.
  Task<NextEvent> next(std::chrono::steady_clock::time_point until);
  // What is there already.
  std::optional<StreamEvent> poll();

 private:
  struct Signal;
  ResponseWriter& writer_;
  std::shared_ptr<Signal> signal_;
  std::vector<std::optional<serving::TokenStream>> streams_;  // empty: has ended
  size_t turn_ = 0;
};

}  // namespace hearth::api
