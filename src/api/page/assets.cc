#include "api/page/assets.h"

#include <charconv>
#include <string>

namespace hearth::api::page {
namespace {

// Everything the page loads comes from this server, nothing stands in the page itself, and no text becomes
// HTML but through the sanitiser's policy (Trusted Types).
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: "
    "data:; "
    "font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types hearth svelte-trusted-html";

constexpr std::string_view kPermissionsPolicy =
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), payment=(), usb=()";

std::string_view trimmed(std::string_view s) {
  while (s.starts_with(' ') || s.starts_with('\t')) s.remove_prefix(1);
  while (s.ends_with(' ') || s.ends_with('\t')) s.remove_suffix(1);
  return s;
}

// Calls `each` with the members of a list that is separated by commas.
template <typename Each>
void for_each_member(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::string_view member = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), member.size() + 1));
    each(trimmed(member));
  }
}

// "br;q=0" and its like say no; every other weight means yes, as all codings have the same content.
bool is_refused(std::string_view parameters) {
  const size_t q = parameters.find("q=0");
  return q != std::string_view::npos &&
         parameters.substr(q + 3).find_first_not_of(".0 ") == std::string_view::npos;
}

bool accepts(std::string_view accept_encoding, std::string_view coding) {
  bool accepted = false;
  for_each_member(accept_encoding, [&](std::string_view member) {
    const std::string_view name = trimmed(member.substr(0, member.find(';')));
    if (name == coding) accepted = !is_refused(member.substr(name.size()));
  });
  return accepted;
}

// If-None-Match has one of the tags of this file: its content is the same in every coding.
bool is_known(std::string_view if_none_match, std::string_view hash) {
  bool known = false;
  for_each_member(if_none_match, [&](std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || (tag.size() > hash.size() && tag.starts_with('"') && tag.substr(1).starts_with(hash))) {
      known = true;
    }
  });
  return known;
}

HttpResponse reply_with(const Asset& asset, const HttpRequest& request) {
  HttpResponse response;
  const std::string_view accepted = request.header("accept-encoding");
  std::string_view bytes = asset.plain;
  std::string_view coding;
  if (!asset.brotli.empty() && accepts(accepted, "br")) {
    bytes = asset.brotli;
    coding = "br";
  } else if (!asset.gzip.empty() && accepts(accepted, "gzip")) {
    bytes = asset.gzip;
    coding = "gzip";
  }
  const bool immutable = asset.path.starts_with("/assets/");
  auto add = [&](std::string name, std::string_view value) {
    response.headers.emplace_back(std::move(name), value);
  };
  add("ETag", "\"" + std::string(asset.hash) + (coding.empty() ? "" : "-") + std::string(coding) + "\"");
  add("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
  add("Vary", asset.path == "/index.html" ? "Accept, Accept-Encoding" : "Accept-Encoding");
  add("Content-Security-Policy", kContentSecurityPolicy);
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Permissions-Policy", kPermissionsPolicy);
  add("X-Frame-Options", "DENY");
  if (is_known(request.header("if-none-match"), asset.hash)) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  response.content_type = asset.content_type;
  if (!coding.empty()) add("Content-Encoding", coding);
  response.body = bytes;
  return response;
}

}  // namespace

Handler add_asset_routes(Router& router, std::span<const Asset> assets) {
  Handler index;
  router.set_dialect("page");
  for (const Asset& asset : assets) {
    Handler serve = [&asset](const HttpRequest& request, ResponseWriter& writer) {
      return writer.send(reply_with(asset, request));
    };
    if (asset.path == "/index.html") {
      index = std::move(serve);
    } else {
      router.add("GET", std::string(asset.path), Scope::kOpen, std::move(serve));
    }
  }
  return index;
}

}  // namespace hearth::api::page
