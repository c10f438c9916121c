// Where tests find their data, and what they do when an optional part of it is not there.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace hearth::testing_support {

inline std::filesystem::path test_data(const std::filesystem::path& name) {
  return std::filesystem::path(HEARTH_TEST_DATA) / name;
}

inline std::filesystem::path reference_set(const std::filesystem::path& name) {
  return std::filesystem::path(HEARTH_REFERENCE_SET) / name;
}

}  // namespace hearth::testing_support

// Skips the test where the reference set was not fetched; with HEARTH_REQUIRE_DATA set (as ./test does) its
// absence is a failure.
#define HEARTH_NEEDS(path)                                                                    \
  do {                                                                                        \
    if (!std::filesystem::exists(path)) {                                                     \
      if (std::getenv("HEARTH_REQUIRE_DATA") != nullptr) FAIL() << (path) << " is not there"; \
      GTEST_SKIP() << (path) << " is not there; run tests/reference_set/fetch";               \
    }                                                                                         \
  } while (false)
