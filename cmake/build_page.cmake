# Builds the chat page and what embeds it:
#   cmake -DWEB=web -DOUT=folder -DNODE=node -DNPM=npm -DEMBED=embed_page.mjs -P build_page.cmake
# Faults of the page's sources fail; a machine that cannot build it gets an empty table and a warning.
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY ${OUT})

macro(go_without_page why)
  message(NOTICE "warning: the chat page is not part of this build: ${why}")
  file(CONFIGURE OUTPUT ${OUT}/page_files.cc CONTENT [[
#include "api/page/assets.h"

namespace hearth::api::page {
std::span<const Asset> embedded_assets() { return {}; }
}  // namespace hearth::api::page
]])
  file(REMOVE ${OUT}/page.stamp)
  return()
endmacro()

if(NOT EXISTS ${WEB}/package-lock.json)
  go_without_page("${WEB} is not there")
endif()
if(NOT NODE OR NOT NPM)
  go_without_page("Node and npm are needed (packages/install build.txt)")
endif()

# The packages that the lock file names are fetched once for each version of it.
file(SHA256 ${WEB}/package-lock.json lock)
set(known "")
if(EXISTS ${WEB}/node_modules/.hearth-lock)
  file(READ ${WEB}/node_modules/.hearth-lock known)
endif()
if(NOT known STREQUAL lock)
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000
            --loglevel=error
    WORKING_DIRECTORY ${WEB} RESULT_VARIABLE failed TIMEOUT 600)
  if(failed)
    go_without_page("npm could not fetch its packages; build again with a network, or turn it off with -DHEARTH_PAGE=OFF")
  endif()
  file(WRITE ${WEB}/node_modules/.hearth-lock ${lock})
endif()

set(ENV{HEARTH_PAGE_OUT} ${OUT}/dist)
execute_process(COMMAND ${NODE} node_modules/vite/bin/vite.js build --logLevel warn WORKING_DIRECTORY ${WEB}
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the chat page does not build")
endif()
execute_process(COMMAND ${NODE} scripts/budget.mjs ${OUT}/dist WORKING_DIRECTORY ${WEB} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the chat page is larger than it may be")
endif()
execute_process(COMMAND ${NODE} ${EMBED} ${OUT}/dist ${OUT} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the chat page cannot be embedded")
endif()
file(TOUCH ${OUT}/page.stamp)
