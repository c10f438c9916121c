// Names for things that outside programs refer to.
#pragma once

#include <string>
#include <string_view>

namespace hearth {

// `prefix` and 24 characters carrying 120 random bits from the operating system.
std::string random_id(std::string_view prefix);

}  // namespace hearth
