// Base64 (RFC 4648, with padding).
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hearth::api {

std::string base64_encode(std::span<const std::byte> bytes);

}  // namespace hearth::api
