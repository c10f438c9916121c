#include "base/random_id.h"

#include <cstdint>
#include <random>

namespace hearth {

std::string random_id(std::string_view prefix) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";  // 5 bits a character
  constexpr int kCharacters = 24;
  constexpr int kPerDraw = 6;  // 30 of a draw's 32 bits
  std::random_device device;
  std::string id(prefix);
  for (int i = 0; i < kCharacters; i += kPerDraw) {
    uint32_t bits = device();
    for (int j = 0; j < kPerDraw; ++j, bits >>= 5) id += kAlphabet[bits & 31];
  }
  return id;
}

}  // namespace hearth
