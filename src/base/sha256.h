// SHA-256 (FIPS 180-4), by OpenSSL, which uses the processor's own instructions where there are any.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace hearth {

using Sha256Digest = std::array<std::byte, 32>;

// The digest of bytes that come bit by bit. One thread at a time.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  Sha256Digest finish();  // of all so far; once

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Of the parts laid end to end.
Sha256Digest sha256(std::initializer_list<std::span<const std::byte>> parts);

std::string to_hex(const Sha256Digest& digest);

}  // namespace hearth
