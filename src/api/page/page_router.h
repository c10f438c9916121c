// What the routes of the page have in common: who may ask, and how errors are written.
//
// The page's routes show and change what people wrote, so they are for this server's own pages alone, also
// where pages of other origins may use models (host_policy.h). A request that changes something carries
// `X-Hearth-Page: 1`, which no form can send, and no foreign script without asking first.
#pragma once

#include <string>

#include "api/error_response.h"
#include "api/json.h"
#include "api/router.h"

namespace hearth::api::page {

// {"error":{"code","message"}}; an ErrorFormat. The code is the error's own, else follows from the status.
HttpResponse error_format(const ApiError& error, const HttpRequest& request);
// The same with a "detail" for the page to work with.
HttpResponse error_with_detail(const ApiError& error, Json detail);

// An error of a store: what is not there is `not_found`.
ApiError from_store(const Error& error);

HttpResponse json_reply(const Json& json, int status = 200);
HttpResponse no_content();

class PageRouter {
 public:
  // Routes that are added here are of the dialect "page" and below /page.
  explicit PageRouter(Router& router);

  // As Router::add. Foreign pages get 403, and so does a request that changes something without the page's
  // header.
  void add(std::string method, std::string path, Scope scope, Handler handler);
  // As Router::add_upload, for the same callers; the others are refused before the body is read.
  void add_upload(std::string method, std::string path, Scope scope, OpenSink open, Handler handler);

 private:
  Router& router_;
};

}  // namespace hearth::api::page
