# The chat page (web/), built by Vite and embedded into the program: target hearth_page has
# api::page::embedded_assets(). Without Node, or where the packages cannot be fetched, the program is built
# without the page and says so at /.
option(HEARTH_PAGE "Build the chat page into the program (needs Node and npm)" ON)

set(page_dir ${CMAKE_BINARY_DIR}/page)
if(HEARTH_PAGE)
  find_program(NODE NAMES node nodejs)
  find_program(NPM NAMES npm)
  file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/* ${CMAKE_SOURCE_DIR}/web/public/*)
  list(FILTER page_sources EXCLUDE REGEX "\\.test\\.ts$")
  file(GLOB page_settings CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*.* ${CMAKE_SOURCE_DIR}/web/scripts/*)
  # page.stamp is there after a success only, so that the next build tries again.
  add_custom_command(
    OUTPUT ${page_dir}/page_files.cc ${page_dir}/page.stamp
    COMMAND ${CMAKE_COMMAND} -DWEB=${CMAKE_SOURCE_DIR}/web -DOUT=${page_dir} -DNODE=${NODE} -DNPM=${NPM}
            -DEMBED=${CMAKE_SOURCE_DIR}/cmake/embed_page.mjs -P ${CMAKE_SOURCE_DIR}/cmake/build_page.cmake
    DEPENDS ${page_sources} ${page_settings} ${CMAKE_SOURCE_DIR}/cmake/build_page.cmake
            ${CMAKE_SOURCE_DIR}/cmake/embed_page.mjs
    COMMENT "Building the chat page" VERBATIM)
else()
  file(CONFIGURE OUTPUT ${page_dir}/page_files.cc CONTENT [[
#include "api/page/assets.h"

namespace hearth::api::page {
std::span<const Asset> embedded_assets() { return {}; }
}  // namespace hearth::api::page
]])
endif()

# Linked by the program alone, so that nothing else waits for Vite.
add_library(hearth_page STATIC ${page_dir}/page_files.cc)
target_link_libraries(hearth_page PRIVATE hearth_options)
