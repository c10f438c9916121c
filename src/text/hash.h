// Seeded hashing for the tokenizer's tables. The seed is drawn once per table, so that a crafted vocabulary
// cannot choose its collisions.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace hearth::text {

inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_number(uint64_t n, uint64_t seed) {
  return hash_mix(n ^ seed, 0x9E3779B97F4A7C15u ^ (seed >> 7));
}

inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  const auto load64 = [](const char* p) {
    uint64_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  const auto load32 = [](const char* p) {
    uint32_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t h = seed ^ (n * 0xA0761D6478BD642Fu);
  for (; n > 16; n -= 16, p += 16) h = hash_mix(load64(p) ^ h, load64(p + 8) ^ 0xE7037ED1A0B428DBu);
  uint64_t a = 0;
  uint64_t b = 0;
  if (n >= 8) {
    a = load64(p);
    b = load64(p + n - 8);
  } else if (n >= 4) {
    a = load32(p);
    b = load32(p + n - 4);
  } else if (n > 0) {
    a = static_cast<uint64_t>(static_cast<uint8_t>(p[0])) << 16 |
        static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << 8 | static_cast<uint8_t>(p[n - 1]);
  }
  return hash_mix(a ^ h, b ^ 0x8EBC6AF09C88C6E3u);
}

// A hash mapped onto [0, n).
inline uint64_t hash_slot(uint64_t hash, uint64_t n) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(hash) * n >> 64);
}

inline uint64_t random_seed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device() | 1;
}

}  // namespace hearth::text
