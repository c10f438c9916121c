#include "api/page/session_routes.h"

#include <fmt/format.h>

namespace hearth::api::page {
namespace {

Json session_json(Doorkeeper& doorkeeper, const std::string& owner) {
  const auto key = owner.empty() ? std::nullopt : doorkeeper.key_of(owner);
  Json scopes = Json::array();
  for (const Scope scope : {Scope::kChat, Scope::kManage}) {
    if (key ? key->allows(scope) : !doorkeeper.keys_required()) scopes.push_back(word_of(scope));
  }
  return Json{{"needs_key", doorkeeper.keys_required()},
              {"signed_in", key.has_value()},
              {"name", key ? key->name : ""},
              {"scopes", std::move(scopes)}};
}

std::string cookie(std::string_view value, bool secure, std::chrono::seconds lifetime) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", Sessions::kCookie, value,
                     lifetime.count(), secure ? "; Secure" : "");
}

}  // namespace

void add_session_routes(PageRouter& routes, const std::shared_ptr<Doorkeeper>& doorkeeper) {
  routes.add("GET", "/page/session", Scope::kOpen,
             [doorkeeper](const HttpRequest& http, ResponseWriter& writer) {
               HttpResponse reply = json_reply(session_json(*doorkeeper, http.owner));
               if (const std::string_view session = Sessions::presented(http);
                   !session.empty() && !http.owner.empty()) {
                 // The browser's time begins anew, as the session's does.
                 reply.headers.emplace_back("Set-Cookie", cookie(session, http.secure, Sessions::kIdle));
               }
               return writer.send(std::move(reply));
             });
  // Whose key it is has been checked before: there is one check for all ways a key can arrive.
  routes.add(
      "POST", "/page/session", Scope::kChat, [doorkeeper](const HttpRequest& http, ResponseWriter& writer) {
        HttpResponse reply = json_reply(session_json(*doorkeeper, http.owner));
        if (!http.owner.empty()) {
          Sessions& sessions = doorkeeper->sessions();
          sessions.close(Sessions::presented(http), Sessions::now());
          reply.headers.emplace_back(
              "Set-Cookie", cookie(sessions.open(http.owner, Sessions::now()), http.secure, Sessions::kIdle));
        }
        return writer.send(std::move(reply));
      });
  routes.add("DELETE", "/page/session", Scope::kOpen,
             [doorkeeper](const HttpRequest& http, ResponseWriter& writer) {
               doorkeeper->sessions().close(Sessions::presented(http), Sessions::now());
               HttpResponse reply = no_content();
               reply.headers.emplace_back("Set-Cookie", cookie("", http.secure, std::chrono::seconds(0)));
               return writer.send(std::move(reply));
             });
}

}  // namespace hearth::api::page
