# Targets that look at the code and change nothing:
#   cmake --build --preset dev --target format   fails on files that clang-format would change
#   cmake --build --preset dev --target tidy     clang-tidy over everything that is compiled (.clang-tidy)
file(GLOB_RECURSE formatted_files CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/src/*.h ${CMAKE_SOURCE_DIR}/src/*.cc ${CMAKE_SOURCE_DIR}/tests/*.h
  ${CMAKE_SOURCE_DIR}/tests/*.cc ${CMAKE_SOURCE_DIR}/tools/*.h ${CMAKE_SOURCE_DIR}/tools/*.cc
  ${CMAKE_SOURCE_DIR}/bench/*.h ${CMAKE_SOURCE_DIR}/bench/*.cc)
list(FILTER formatted_files EXCLUDE REGEX "/tests/layering/wrong/")

find_program(CLANG_FORMAT NAMES clang-format-14 clang-format)
if(CLANG_FORMAT)
  add_custom_target(format COMMAND ${CLANG_FORMAT} --dry-run --Werror ${formatted_files}
    COMMENT "clang-format over sources" VERBATIM)
endif()

find_program(RUN_CLANG_TIDY NAMES run-clang-tidy-14 run-clang-tidy)
if(RUN_CLANG_TIDY)
  add_custom_target(tidy
    COMMAND ${RUN_CLANG_TIDY} -quiet -p ${CMAKE_BINARY_DIR} "^${CMAKE_SOURCE_DIR}/(src|tools|tests)/" VERBATIM)
endif()
