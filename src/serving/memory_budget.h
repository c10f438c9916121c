// How much memory models may take together, and how much of it is given away.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace hearth::serving {

// Thread-safe.
class MemoryBudget {
 public:
  // A part of the budget; given back with the last copy.
  using Claim = std::shared_ptr<const void>;

  // `limit_bytes`: as much and no more; 0 = what the machine and its control group have for this process,
  // asked of `machine` each time.
  explicit MemoryBudget(uint64_t limit_bytes, std::function<uint64_t()> machine = machine_memory);

  uint64_t capacity() const;
  uint64_t claimed() const;
  uint64_t left() const;  // 0 when more is claimed than there is now

  // nullptr when less than `bytes` is left.
  Claim claim(uint64_t bytes);

  // What all models of this process could have: what is available and what the process holds already. Mapped
  // weights count as available to begin with (they are page cache) and are planned like everything else. Some
  // is kept for page tables, requests and whatever else the machine does. The largest number where it is not
  // known.
  static uint64_t machine_memory();

 private:
  struct State;
  const uint64_t limit_bytes_;
  const std::function<uint64_t()> machine_;
  const std::shared_ptr<State> state_;
};

}  // namespace hearth::serving
