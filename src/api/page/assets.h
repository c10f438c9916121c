// The files of the chat page, as they are built into the program (cmake/Page.cmake), and the routes that
// serve them.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "api/router.h"

namespace hearth::api::page {

// One file. What it borrows lives as long as the program.
struct Asset {
  std::string_view path;  // "/index.html", "/assets/main-4f2a.js"
  std::string_view content_type;
  std::string_view hash;  // of the plain bytes
  std::string_view plain;
  std::string_view gzip;    // empty: would not be smaller
  std::string_view brotli;  // likewise
};

// None where the program was built without the page. Defined by the generated file, which only the program
// itself links.
std::span<const Asset> embedded_assets();

// Adds a route for each file but the index, which the handler that is returned serves at "/"; null: there is
// none. The assets must outlive the router.
Handler add_asset_routes(Router& router, std::span<const Asset> assets);

}  // namespace hearth::api::page
