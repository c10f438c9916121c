// Names from files, made fit for an error message: control characters and non-ASCII bytes as \xNN, at most
// 100 bytes of it. Nothing a file says can forge a line of a log.
#pragma once

#include <string>
#include <string_view>

namespace hearth::gguf {

std::string printable(std::string_view text);

}  // namespace hearth::gguf
