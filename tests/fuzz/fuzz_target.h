// A fuzz target is one source file that defines the function below, and one line in CMakeLists.txt. It must
// return for every input; a crash, a sanitizer report, a hang or lasting memory growth is a finding.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
