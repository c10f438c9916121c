// The server's side of the chat page: the routes below /page. docs/page-api.md is its contract.
#pragma once

#include <optional>
#include <string>

#include "api/page/page_events.h"
#include "api/router.h"
#include "api/worker.h"
#include "serving/generation_service.h"

namespace hearth::api::page {

struct PageOptions {
  std::string version;  // of this program
};

class Page {
 public:
  // Borrows the service, which must outlive it.
  Page(serving::GenerationService& service, PageOptions options)
      : service_(service), options_(std::move(options)) {}

  // To be called once. The page must outlive the server that has the router.
  void add_routes(Router& router);

  // Ends the streams that would never end by themselves, so that a server that stops does not wait for them.
  void end_streams() { events_.end(); }

 private:
  serving::GenerationService& service_;
  const PageOptions options_;
  PageEvents events_;
  Worker disk_;  // ends its work before what it works with goes
};

}  // namespace hearth::api::page
