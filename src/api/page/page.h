// The server's side of the chat page: the routes below /page. docs/page-api.md is its contract.
#pragma once

#include <optional>
#include <string>

#include "api/access/doorkeeper.h"
#include "api/page/fit_route.h"
#include "api/page/live_answers.h"
#include "api/page/status_route.h"
#include "api/router.h"

namespace hearth::api::page {

struct PageOptions {
  std::string version;                // of this program
  store::ChatStore* chats = nullptr;  // outlives the page; null: chats cannot be kept
  std::string why_no_chats{};         // then
  LiveAnswerOptions answers{};
  std::shared_ptr<Doorkeeper> doorkeeper{};          // the server's; null: nobody is asked for a key
  std::shared_ptr<const ServerMetrics> metrics{};    // null: the status page counts what runs
  std::function<Result<FitReport>()> measure_fit{};  // null: nothing is known of the machine
};

class Page {
 public:
  // Borrows the service, which must outlive it.
  Page(serving::GenerationService& service, PageOptions options);
  ~Page();

  // To be called once. The page must outlive the server that has the router.
  void add_routes(Router& router);

  // What the status page lists: requests of every dialect, as they end. Thread-safe.
  void on_request(const AccessRecord& record) { requests_.add(record); }

  // Ends the streams that would never end by themselves, so that a server that stops does not wait for them.
  void end_streams() { events_.end(); }
  // When the server has stopped: answers that are still being written end as interrupted ones.
  void end_answers();

 private:
  serving::GenerationService& service_;
  const PageOptions options_;
  RequestLog requests_;
  std::optional<MachineFit> fit_;
  PageEvents events_;
  std::optional<LiveAnswers> answers_;  // where there are chats
  // End their work before what they work with goes.
  Worker words_;
  Worker disk_;
};

}  // namespace hearth::api::page
