#include "app/doctor/port_owner.h"

#include <optional>

#include "api/json.h"
#include "net/http_client.h"

namespace hearth::app {
namespace {

using api::Json;

// nullopt: nothing that speaks HTTP.
std::optional<net::HttpReply> get(net::HttpClient& client, const std::string& url) {
  net::HttpRequest request;
  request.url = url;
  request.connect_timeout = std::chrono::seconds(1);
  request.stall_timeout = std::chrono::seconds(1);
  request.allow_private_addresses = true;
  auto reply = client.send(request);
  if (!reply) return std::nullopt;
  return *std::move(reply);
}

Json object_of(const net::HttpReply& reply) {
  auto json = api::parse_json(reply.body);
  return json && json->is_object() ? *std::move(json) : Json::object();
}

std::string text(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string trouble_of(const net::HttpReply& health) {
  if (health.status == 200) return {};
  const Json json = object_of(health);
  const auto error = json.find("error");
  std::string why = error != json.end() && error->is_object() ? text(*error, "message") : std::string();
  return why.empty() ? fmt::format("/health says {}", health.status) : why;
}

}  // namespace

PortOwner ask_port(const std::string& url) {
  net::HttpClient client;
  const auto version = get(client, url + "/api/version");
  if (!version) return {};
  const auto health = get(client, url + "/health");
  const Json said = object_of(*version);
  if (const std::string ours = text(said, "hearth"); !ours.empty()) {
    return {PortOwner::Kind::kHearth, ours, health ? trouble_of(*health) : "/health does not answer"};
  }
  if (const std::string theirs = text(said, "version"); version->status == 200 && !theirs.empty()) {
    return {PortOwner::Kind::kOllama, theirs};
  }
  const bool is_healthy = health && text(object_of(*health), "status") == "ok";
  return {is_healthy ? PortOwner::Kind::kLlamaServer : PortOwner::Kind::kOtherHttp};
}

}  // namespace hearth::app
