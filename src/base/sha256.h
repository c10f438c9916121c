// SHA-256 (FIPS 180-4), by OpenSSL, which uses the processor's own instructions where there are any.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>

namespace hearth {

using Sha256Digest = std::array<std::byte, 32>;

// Of the parts laid end to end.
Sha256Digest sha256(std::initializer_list<std::span<const std::byte>> parts);

std::string to_hex(const Sha256Digest& digest);

}  // namespace hearth
