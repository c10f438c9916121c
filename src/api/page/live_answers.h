// Answers that are being written, owned by the server: they go on whether or not anybody watches, are saved
// while they grow, and end as a message of their chat.
//
// One thread takes what models write and hands it on in steps of 30 ms; the disk has a thread of its own. All
// functions are thread-safe.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/page/answer_log.h"
#include "api/page/page_events.h"
#include "api/worker.h"
#include "serving/generation_service.h"
#include "store/chats/chat_store.h"

namespace hearth::api::page {

struct LiveAnswerOptions {
  std::chrono::milliseconds step{30};        // between two events of text
  std::chrono::milliseconds save{1'000};     // what a crash may cost
  std::chrono::milliseconds account{2'000};  // how long one that is stopped waits to hear what it has cost
  // An answer has ended: its message as it stays, and how long it took. On the disk's thread.
  std::function<void(const store::Message&, double duration_ms, const RequestNotes&)> on_end;
  std::function<void(const std::string&)> on_problem;
};

class LiveAnswers {
 public:
  // Borrows all of them. The work that is given to `disk` must be done before this goes.
  LiveAnswers(serving::GenerationService& service, store::ChatStore& chats, Worker& disk, PageEvents& events,
              LiveAnswerOptions options);
  ~LiveAnswers();
  LiveAnswers(const LiveAnswers&) = delete;

  // An answer that the store has as running (ChatStore::add_exchange and its like), and what is written to
  // it. Where it goes on from an earlier text, what comes is put behind that.
  void begin(const std::string& owner, store::Message answer, serving::TokenStream stream);

  // One that is running. null: it is not, or not the owner's; the store has all of it.
  std::shared_ptr<AnswerLog> find(const std::string& owner, const std::string& id) const;
  std::vector<std::string> running_of_chat(const std::string& chat) const;
  bool empty() const;

  // Ends an answer with what there is, and waits for the engine to say what was used. When it returns, its
  // end is among the work of the disk's thread; an answer that is not running is left as it is.
  Task<void> stop(std::string id);

  // Ends all that still run as interrupted, and waits until each has its end among the work of the disk's
  // thread. Nothing may begin after that.
  void end_all();

 private:
  struct Run;
  using RunPtr = std::shared_ptr<Run>;

  // On the thread of answers:
  void wake(const RunPtr& run);
  void step(const RunPtr& run);
  void take(Run& run, serving::GenerationEvent event);
  void watch_load(const RunPtr& run);
  void save_later(const RunPtr& run);
  void save(const RunPtr& run);
  void finish(const RunPtr& run, store::MessageStatus status);
  // On the disk's:
  void close(const RunPtr& run, const store::AnswerEnd& end);
  void publish(const AnswerLog& log, store::MessageStatus status);

  RunPtr run_of(const std::string& id) const;

  serving::GenerationService& service_;
  store::ChatStore& chats_;
  Worker& disk_;
  PageEvents& events_;
  const LiveAnswerOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, RunPtr> runs_;  // by message
  boost::asio::thread_pool thread_{1};
};

// An answer's share of what clients hear of a chat: {"chat": summary} and {"chat","message","status"}.
void publish_chat(PageEvents& events, const std::string& owner, const store::Chat& chat);
void publish_answer(PageEvents& events, const std::string& owner, const store::Message& message);

}  // namespace hearth::api::page
