#include "api/page/page_events.h"

#include <algorithm>
#include <utility>

namespace hearth::api::page {
namespace {

constexpr size_t kMostWaiting = 1'000;  // of one page; beyond it, it reads the list of chats again

}  // namespace

void PageEvents::Listener::set_notifier(std::function<void()> notifier) {
  const std::lock_guard lock(mutex_);
  notifier_ = std::move(notifier);
  if (notifier_ && (ended_ || !waiting_.empty())) notifier_();
}

std::string PageEvents::Listener::take() {
  const std::lock_guard lock(mutex_);
  n_waiting_ = 0;
  return std::exchange(waiting_, {});
}

bool PageEvents::Listener::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void PageEvents::Listener::add(const PageEvent& event) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  if (n_waiting_ >= kMostWaiting) {
    ended_ = true;
  } else {
    waiting_ += server_sent_event(event.type, event.data);
    ++n_waiting_;
  }
  if (notifier_) notifier_();
}

void PageEvents::Listener::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (notifier_) notifier_();
}

std::shared_ptr<PageEvents::Listener> PageEvents::listen(const std::string& owner) {
  std::shared_ptr<Listener> listener(new Listener(owner));
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const std::weak_ptr<Listener>& one) { return one.expired(); });
  listeners_.push_back(listener);
  if (ended_) listener->end();
  return listener;
}

void PageEvents::publish(const std::string& owner, PageEvent event) {
  const std::lock_guard lock(mutex_);
  for (const std::weak_ptr<Listener>& one : listeners_) {
    const std::shared_ptr<Listener> listener = one.lock();
    if (listener && listener->owner_ == owner) listener->add(event);
  }
}

void PageEvents::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const std::weak_ptr<Listener>& one : listeners_) {
    if (const std::shared_ptr<Listener> listener = one.lock()) listener->end();
  }
}

}  // namespace hearth::api::page
