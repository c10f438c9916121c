// What one rendering may still spend: time in ticks, nesting, and memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/chat_template.h"
#include "text/jinja/failure.h"

namespace hearth::text::jinja {

class Budget {
 public:
  // A tick is one evaluated node, one element handled, 64 bytes copied or 8 looked at; sixteen of them are a
  // step.
  static constexpr uint64_t kTicksPerStep = 16;
  static constexpr size_t kBytesPerTick = 64;
  static constexpr size_t kCharactersPerTick = 8;
  // Strings and containers alive at one time may together take this many times the output limit.
  static constexpr size_t kLiveFactor = 16;

  explicit Budget(const TemplateLimits& limits)
      : limits_(limits),
        ticks_left_(static_cast<uint64_t>(limits.steps) * kTicksPerStep),
        string_bytes_left_(limits.output_bytes * kLiveFactor),
        container_bytes_left_(limits.output_bytes * kLiveFactor * 2) {}

  void spend(uint64_t ticks = 1) {
    if (ticks > ticks_left_) give_up("the template runs too long (limit {} steps)", limits_.steps);
    ticks_left_ -= ticks;
  }
  void spend_bytes(size_t bytes) { spend(bytes / kBytesPerTick); }
  // For work that looks at every character.
  void spend_characters(size_t bytes) { spend(bytes / kCharactersPerTick); }

  // Checks the length of one string before it is made.
  void check_length(size_t bytes) const {
    if (bytes > limits_.output_bytes) {
      give_up("a text of the template grows over {} bytes", limits_.output_bytes);
    }
  }
  void hold_string(size_t bytes) {
    if (bytes > string_bytes_left_) give_up("the template keeps too much text in memory");
    string_bytes_left_ -= bytes;
  }
  void release_string(size_t bytes) { string_bytes_left_ += bytes; }

  // Containers live until the rendering ends, so what they take is never given back.
  void hold_container(size_t elements, size_t element_bytes) {
    spend(elements);
    if (elements > container_bytes_left_ / element_bytes) give_up("the template makes too many lists");
    container_bytes_left_ -= elements * element_bytes;
  }

  // One level of nesting for as long as it lives.
  class Level {
   public:
    explicit Level(Budget& budget) : budget_(budget) {
      if (budget_.depth_ >= budget_.limits_.depth) {
        give_up("the template nests too deep (limit {} levels)", budget_.limits_.depth);
      }
      ++budget_.depth_;
    }
    ~Level() { --budget_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Budget& budget_;
  };

 private:
  TemplateLimits limits_;
  uint64_t ticks_left_;
  size_t string_bytes_left_;
  size_t container_bytes_left_;
  size_t depth_ = 0;
};

}  // namespace hearth::text::jinja
