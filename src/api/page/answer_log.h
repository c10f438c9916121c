// One answer while it is written: what there is of it, and its latest events with ids, for any number of
// watchers that come, leave and come back. One writer; thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.h"
#include "api/page/event_feed.h"
#include "store/chats/chat.h"

namespace hearth::api::page {

class AnswerLog : public std::enable_shared_from_this<AnswerLog> {
 public:
  static constexpr size_t kMaxBytes =
      512 * 1024;  // of events that are kept; who is further behind starts anew

  // `owner` may watch. Ids begin behind `first_id`, which must be beyond those of an earlier log of this
  // message.
  AnswerLog(std::string owner, store::Message message, int64_t first_id, size_t max_bytes = kMaxBytes);

  const std::string& owner() const { return owner_; }
  const std::string& chat() const { return chat_; }
  const std::string& id() const { return id_; }

  // --- The writer. Watchers hear of it with notify().
  void set_state(std::string_view state);  // "loading", "queued", "reading", "writing"
  void progress(int64_t total, int64_t cached, int64_t processed);
  void add_text(std::string_view text);
  void add_reasoning(std::string_view text);
  void set_reasoning_ms(int64_t ms);
  void add_call(size_t index, const store::ToolCallRecord& piece);
  // Of a message that is started over.
  void clear_reasoning();
  // The last event, and the message as it stays.
  void end(store::Message message);
  void notify();

  store::Message message() const;

  // From behind event `after`, or with a snapshot first where that is not there (any more).
  std::shared_ptr<EventFeed> watch(std::optional<int64_t> after);

 private:
  class Watcher;
  struct Event {
    int64_t id;
    std::string text;
  };

  void add(std::string_view type, const Json& data);
  std::string events_after(std::optional<int64_t>& after);

  const std::string owner_, chat_, id_;
  const size_t max_bytes_;
  mutable std::mutex mutex_;
  store::Message message_;
  std::string state_;
  std::deque<Event> events_;
  size_t n_bytes_ = 0;
  int64_t last_id_;
  bool ended_ = false;
  std::vector<std::weak_ptr<Watcher>> watchers_;
};

}  // namespace hearth::api::page
