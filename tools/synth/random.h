// Random numbers that are the same on every machine and compiler: xoshiro256++ (Blackman and Vigna), seeded
// by splitmix64. A stream is named by seed, name and chunk, so that chunks may be made in any order.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace hearth::synth {

constexpr uint64_t splitmix64(uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// FNV-1a.
constexpr uint64_t hash_name(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

class Random {
 public:
  Random(uint64_t seed, uint64_t name_hash, uint64_t chunk) {
    uint64_t state = seed;
    state = splitmix64(state) ^ name_hash;
    state = splitmix64(state) ^ chunk;
    for (uint64_t& word : state_) word = splitmix64(state);
  }

  uint64_t next() {
    const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  void fill(std::span<std::byte> out) {
    size_t i = 0;
    for (; i + 8 <= out.size(); i += 8) {
      const uint64_t word = next();
      std::memcpy(out.data() + i, &word, 8);
    }
    if (i < out.size()) {
      const uint64_t word = next();
      std::memcpy(out.data() + i, &word, out.size() - i);
    }
  }

  // About N(0, 1): the sum of four uniform numbers, exact in integers; at most 3.46 in size.
  float normal() {
    const uint64_t word = next();
    const auto sum =
        static_cast<int32_t>((word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48));
    constexpr float kUnit = 1 / 37837.22f;  // 1 / sqrt(4 (2^32 - 1) / 12)
    return static_cast<float>(sum - 131070) * kUnit;
  }

 private:
  uint64_t state_[4];
};

}  // namespace hearth::synth
