#include "serving/memory_budget.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "base/platform/memory.h"

namespace hearth::serving {

struct MemoryBudget::State {
  std::mutex mutex;
  uint64_t claimed_bytes = 0;
};

MemoryBudget::MemoryBudget(uint64_t limit_bytes, std::function<uint64_t()> machine)
    : limit_bytes_(limit_bytes), machine_(std::move(machine)), state_(std::make_shared<State>()) {}

uint64_t MemoryBudget::capacity() const {
  return limit_bytes_ > 0 ? limit_bytes_ : machine_();
}

uint64_t MemoryBudget::claimed() const {
  std::lock_guard lock(state_->mutex);
  return state_->claimed_bytes;
}

uint64_t MemoryBudget::left() const {
  const uint64_t all = capacity();
  return all - std::min(all, claimed());
}

MemoryBudget::Claim MemoryBudget::claim(uint64_t bytes) {
  const uint64_t all = capacity();
  std::lock_guard lock(state_->mutex);
  if (bytes > all - std::min(all, state_->claimed_bytes)) return nullptr;
  state_->claimed_bytes += bytes;
  return {state_.get(), [state = state_, bytes](const void*) {
            std::lock_guard release(state->mutex);
            state->claimed_bytes -= bytes;
          }};
}

uint64_t MemoryBudget::machine_memory() {
  constexpr uint64_t kMaxReserve = uint64_t{512} << 20;
  const platform::MemoryState memory = platform::memory_state();
  if (memory.total_bytes == 0) return std::numeric_limits<uint64_t>::max();
  const uint64_t ours = memory.available_bytes + platform::process_memory().anonymous_bytes;
  return ours - std::min(ours, std::min(memory.total_bytes / 32, kMaxReserve));
}

}  // namespace hearth::serving
