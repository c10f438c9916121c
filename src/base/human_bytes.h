// Sizes as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace hearth {

std::string human_bytes(uint64_t bytes);  // "4.70 GB"; powers of 1000

}  // namespace hearth
