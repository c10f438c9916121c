#include "api/page/answer_log.h"

#include <algorithm>

#include "store/chats/chat_json.h"

namespace hearth::api::page {

class AnswerLog::Watcher : public EventFeed {
 public:
  Watcher(std::shared_ptr<AnswerLog> log, std::optional<int64_t> after)
      : log_(std::move(log)), after_(after) {}

  void set_notifier(std::function<void()> notifier) override {
    const std::lock_guard lock(log_->mutex_);
    notifier_ = std::move(notifier);
    if (notifier_) notifier_();
  }
  std::string take() override { return log_->events_after(after_); }
  bool ended() const override {
    const std::lock_guard lock(log_->mutex_);
    return log_->ended_;
  }
  // With the log's lock.
  void notify() const {
    if (notifier_) notifier_();
  }

 private:
  const std::shared_ptr<AnswerLog> log_;
  std::optional<int64_t> after_;  // for its stream alone
  std::function<void()> notifier_;
};

AnswerLog::AnswerLog(std::string owner, store::Message message, int64_t first_id, size_t max_bytes)
    : owner_(std::move(owner)),
      chat_(message.chat),
      id_(message.id),
      max_bytes_(max_bytes),
      message_(std::move(message)),
      last_id_(first_id) {}

void AnswerLog::add(std::string_view type, const Json& data) {
  Event event{++last_id_, {}};
  event.text = server_sent_event(type, dump(data), event.id);
  n_bytes_ += event.text.size();
  events_.push_back(std::move(event));
  while (n_bytes_ > max_bytes_ && events_.size() > 1) {
    n_bytes_ -= events_.front().text.size();
    events_.pop_front();
  }
}

void AnswerLog::set_state(std::string_view state) {
  const std::lock_guard lock(mutex_);
  if (state_ == state) return;
  state_ = state;
  add("state", Json{{"state", state}});
}

void AnswerLog::progress(int64_t total, int64_t cached, int64_t processed) {
  const std::lock_guard lock(mutex_);
  add("progress", Json{{"total", total}, {"cached", cached}, {"processed", processed}});
}

void AnswerLog::add_text(std::string_view text) {
  const std::lock_guard lock(mutex_);
  message_.content += text;
  add("text", Json{{"text", text}});
}

void AnswerLog::add_reasoning(std::string_view text) {
  const std::lock_guard lock(mutex_);
  message_.reasoning += text;
  add("reasoning", Json{{"text", text}});
}

void AnswerLog::set_reasoning_ms(int64_t ms) {
  const std::lock_guard lock(mutex_);
  message_.reasoning_ms = ms;
}

void AnswerLog::clear_reasoning() {
  const std::lock_guard lock(mutex_);
  message_.reasoning.clear();
  message_.reasoning_ms.reset();
}

void AnswerLog::add_call(size_t index, const store::ToolCallRecord& piece) {
  const std::lock_guard lock(mutex_);
  if (index >= message_.tool_calls.size()) message_.tool_calls.resize(index + 1);
  store::ToolCallRecord& call = message_.tool_calls[index];
  call.id += piece.id;
  call.name += piece.name;
  call.arguments += piece.arguments;
  add("tool", Json{{"index", index}, {"id", piece.id}, {"name", piece.name}, {"arguments", piece.arguments}});
}

void AnswerLog::end(store::Message message) {
  const std::lock_guard lock(mutex_);
  message_ = std::move(message);
  add("end", Json{{"message", store::to_json(message_)}});
  ended_ = true;
}

void AnswerLog::notify() {
  const std::lock_guard lock(mutex_);
  for (const std::weak_ptr<Watcher>& one : watchers_) {
    if (const std::shared_ptr<Watcher> watcher = one.lock()) watcher->notify();
  }
}

store::Message AnswerLog::message() const {
  const std::lock_guard lock(mutex_);
  return message_;
}

std::shared_ptr<EventFeed> AnswerLog::watch(std::optional<int64_t> after) {
  auto watcher = std::make_shared<Watcher>(shared_from_this(), after);
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const std::weak_ptr<Watcher>& one) { return one.expired(); });
  watchers_.push_back(watcher);
  return watcher;
}

std::string AnswerLog::events_after(std::optional<int64_t>& after) {
  const std::lock_guard lock(mutex_);
  const int64_t first = events_.empty() ? last_id_ + 1 : events_.front().id;
  std::string text;
  if (!after || *after < first - 1 || *after > last_id_) {
    if (ended_) {
      text = events_.back().text;  // has all of the message
    } else {
      Json data = Json{{"message", store::to_json(message_)}};
      if (!state_.empty()) data["state"] = state_;
      text = server_sent_event("snapshot", dump(data), last_id_);
    }
  } else {
    const auto begin = events_.begin() + (*after + 1 - first);
    for (auto event = begin; event != events_.end(); ++event) text += event->text;
  }
  after = last_id_;
  return text;
}

}  // namespace hearth::api::page
