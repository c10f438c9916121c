// Server-sent events of something that goes on whether or not anybody listens.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "api/http_types.h"

namespace hearth::api::page {

// One event; `data` is one line. An id of 0 is none.
std::string server_sent_event(std::string_view type, std::string_view data, int64_t id = 0);

// One listener's side of it. Thread-safe.
class EventFeed {
 public:
  virtual ~EventFeed() = default;

  // Called when there is something to take, and at once if there is. With a lock held: it must be quick and
  // not call back. nullptr removes it; on return no call is in progress.
  virtual void set_notifier(std::function<void()> notifier) = 0;
  // The events that are there, as text; empty: none.
  virtual std::string take() = 0;
  // Nothing comes after what there is to take.
  virtual bool ended() const = 0;
};

struct EventStreamOptions {
  std::chrono::milliseconds heartbeat{15'000};  // a comment, so that nothing on the way takes it for dead
  // Asked about once a second; false ends the stream, as the listener may not listen any more. null: it may.
  std::function<bool()> welcome;
};

// Sends a feed until it ends, the client leaves or the server ends.
Task<void> stream_events(EventFeed& feed, EventStreamOptions options, ResponseWriter& writer);

}  // namespace hearth::api::page
