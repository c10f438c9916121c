// Who it is that answers where the server is to listen.
#pragma once

#include <string>

namespace hearth::app {

struct PortOwner {
  enum class Kind { kHearth, kOllama, kLlamaServer, kOtherHttp, kSilent };
  Kind kind = Kind::kSilent;
  std::string version{};  // as it says itself; may be empty
  // Of Hearth: why it cannot answer requests, or what it is loading; empty = it can.
  std::string trouble{};
};

// Asks for the version and the health of what is at `url` (without path). Waits a second or two for each.
PortOwner ask_port(const std::string& url);

}  // namespace hearth::app
