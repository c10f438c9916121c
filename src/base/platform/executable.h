// Where the running program is.
#pragma once

#include <filesystem>

namespace hearth::platform {

// The program's own file, with links followed; empty where the system does not say.
std::filesystem::path executable_path();

}  // namespace hearth::platform
