// Where the server is that the settings describe, for programs of this machine.
#pragma once

#include <string>

#include "app/settings.h"

namespace hearth::app {

// "http://127.0.0.1:11434", without a path.
std::string server_url(const Settings& settings);

}  // namespace hearth::app
