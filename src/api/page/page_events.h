// What open pages hear of chats that change elsewhere: in other tabs, or because an answer goes on without
// anybody watching. Each page hears of its owner's chats alone. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/page/event_feed.h"

namespace hearth::api::page {

struct PageEvent {
  std::string type;  // "chat", "chat_deleted", "answer"
  std::string data;  // JSON, one line
};

class PageEvents {
 public:
  // One page that listens. Goes with its last owner.
  class Listener : public EventFeed {
   public:
    void set_notifier(std::function<void()> notifier) override;
    std::string take() override;
    // It was too slow and has missed events, or the server ends.
    bool ended() const override;

   private:
    friend class PageEvents;
    explicit Listener(std::string owner) : owner_(std::move(owner)) {}
    void add(const PageEvent& event);
    void end();

    const std::string owner_;
    mutable std::mutex mutex_;
    std::string waiting_;
    size_t n_waiting_ = 0;
    std::function<void()> notifier_;
    bool ended_ = false;
  };

  std::shared_ptr<Listener> listen(const std::string& owner);
  void publish(const std::string& owner, PageEvent event);
  // Ends all listeners, and those to come at once.
  void end();

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Listener>> listeners_;
  bool ended_ = false;
};

}  // namespace hearth::api::page
