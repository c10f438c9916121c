# Small functions so that a folder's CMakeLists.txt says only what is particular to it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
find_package(Threads REQUIRED)

add_library(hearth_options INTERFACE)
target_include_directories(hearth_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(hearth_options INTERFACE -Wall -Wextra -ffp-contract=fast -fno-math-errno)
target_link_libraries(hearth_options INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  # With -O3 it sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  target_compile_options(hearth_options INTERFACE -Wno-restrict)
endif()
if(HEARTH_WERROR)
  target_compile_options(hearth_options INTERFACE -Werror)
endif()
if(HEARTH_SANITIZE)
  # Optimised for compile time, which is most of what a sanitizer run takes. Null pointers are found by
  # AddressSanitizer as well; the checks of each member access for them are half of what the compiler has to do.
  target_compile_options(hearth_options INTERFACE -Og -g1 -fsanitize=${HEARTH_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all -fno-sanitize=null,object-size,vptr)
  target_link_options(hearth_options INTERFACE -fsanitize=${HEARTH_SANITIZE})
endif()

# hearth_library(NAME SOURCES ... [USES other hearth folders...] [LINK third-party targets...])
function(hearth_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINK" ${ARGN})
  if(arg_SOURCES)
    add_library(hearth_${name} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(hearth_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  list(TRANSFORM arg_USES PREPEND hearth_)
  target_link_libraries(hearth_${name} ${scope} hearth_options ${arg_USES} ${arg_LINK})
endfunction()

# hearth_test(NAME SOURCES ... [LABEL unit] [USES folders...] [LINK targets...] [ARGS program arguments...])
# One GoogleTest program, one CTest entry; LABEL is one of unit, golden, parity, fuzz, fault, e2e. The target
# tests_LABEL builds all programs of a label.
function(hearth_test name)
  if(NOT HEARTH_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;USES;LINK" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_SOURCES})
  list(TRANSFORM arg_USES PREPEND hearth_)
  target_link_libraries(${name} PRIVATE hearth_options ${arg_USES} ${arg_LINK} GTest::gtest GTest::gmock
                        GTest::gtest_main)
  # HEARTH_REFERENCE_SET is filled by tests/reference_set/fetch; HEARTH_PARITY_DATA may be empty (docs/testing.md).
  target_compile_definitions(${name} PRIVATE HEARTH_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                             HEARTH_REFERENCE_SET="${CMAKE_SOURCE_DIR}/build/reference-set")
  if(NOT TARGET tests_${arg_LABEL})
    add_custom_target(tests_${arg_LABEL})
  endif()
  add_dependencies(tests_${arg_LABEL} ${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
